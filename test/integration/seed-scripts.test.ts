/** The scripts and the habits of a user of RASEN (seeds 000 and 001), unchanged but for `/path/to/project` and the sleeps. */
import { execFile, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { RASEN, until } from '../support/instance.ts';
import { type Act, isAlive, type ProjectOptions, SeedProject, WORKS } from '../support/scripted-agent.ts';

const open: SeedProject[] = [];
/** `uv run` hands on, `sleep` is short, `rasen` is on PATH. */
const project = (options: ProjectOptions = {}) => {
  const made = new SeedProject(options);
  open.push(made);
  const bin = made.beside('bin');
  mkdirSync(bin);
  const program = (name: string, text: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  program('uv', 'test "$1" = run || exit 97\nshift\nexec "$@"');
  program('rasen', `exec ${RASEN} "$@"`);
  program('sleep', `echo "$1" >> ${made.beside('slept')}\nexec /bin/sleep 0.05`);
  made.instance.env.PATH = `${bin}:${process.env.PATH}`;
  return made;
};
afterEach(async () => {
  for (const p of open.splice(0)) await p.close();
});

interface Shell {
  code: number | null;
  out: string;
}
const shell = (p: SeedProject, script: string, env: Record<string, string> = {}) =>
  new Promise<Shell>(resolve => {
    const done = (error: (Error & { code?: unknown }) | null, stdout: string, stderr: string) =>
      resolve({ code: error ? (error.code as number) : 0, out: stdout + stderr });
    execFile(
      'bash',
      ['-c', script.replaceAll('/path/to/project', p.root)],
      { cwd: p.root, env: { ...p.instance.env, ...env }, timeout: 400_000 },
      done,
    );
  });
const PLAN = [
  { id: 'auth-1', title: 'Login form' },
  { id: 'auth-2', title: 'Implement password hashing', needs: ['auth-1'] },
];
const waits = (p: SeedProject): Act[][] => [[{ await: p.beside('go') }, ...WORKS]];
const go = (p: SeedProject) => p.write({ '../go': '' });
const STAMP = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ';

const MONITOR = `#!/bin/bash
# monitor-rasen.sh - Check status every 5 minutes

while true; do
  echo "=== $(date) ==="
  cd /path/to/project
  uv run rasen status
  echo ""
  sleep 300  # 5 minutes
done
`;

test('the monitoring script shows the task until it is over, and after', async () => {
  const p = project();
  p.script({ '*': waits(p) });
  await p.init(PLAN);
  await p.ok('run', '--background');
  p.write({ '../monitor-rasen.sh': MONITOR.replaceAll('/path/to/project', p.root) });
  const monitor = spawn('bash', [p.beside('monitor-rasen.sh')], {
    env: p.instance.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let said = '';
  for (const stream of [monitor.stdout, monitor.stderr])
    stream.setEncoding('utf8').on('data', text => (said += text));
  const ended = new Promise(resolve => monitor.once('close', resolve));
  try {
    await until(
      'it runs',
      () => said.includes('Status: running\n') && said.includes('Current subtask: auth-1\n'),
    );
    go(p);
    await until('it is completed', () => said.includes('Status: completed\n'));
    process.kill(p.instance.pid()!, 'SIGTERM');
    const before = said.length;
    await until(
      'it still answers',
      () => p.instance.pid() === null && said.slice(before).split('=== ').length > 3,
    );
  } finally {
    process.kill(-monitor.pid!, 'SIGKILL');
    await ended;
  }
  expect(said.slice(0, said.lastIndexOf('=== '))).not.toMatch(/rror|undefined|null|NaN|not_running/);
});

test('the command of the watch line, twice', async () => {
  const p = project();
  p.script({ '*': waits(p) });
  await p.init(PLAN);
  await p.ok('run', '--background');
  await p.session('auth-1');
  const watched = 'cd /path/to/project && uv run rasen status';
  const [first, second] = [await shell(p, watched), await shell(p, watched)];
  expect(first.code).toBe(0);
  expect(second.out.replace(/Runtime: .*|Last activity: .*/g, '')).toBe(
    first.out.replace(/Runtime: .*|Last activity: .*/g, ''),
  );
  go(p);
  await p.ok('wait');
});

const CI_RUN = `
          uv run rasen init --task "\${{ inputs.task }}"
          uv run rasen run --background

          # Monitor until completion
          while [ "$(uv run rasen status --format json | jq -r .status)" = "running" ]; do
            echo "Progress: $(uv run rasen status --format json | jq .completed_subtasks)/$(uv run rasen status --format json | jq .total_subtasks)"
            sleep 60
          done
`;
const CI_CHECK = `
          if [ "$(uv run rasen status --format json | jq -r .status)" = "completed" ]; then
            echo "✅ Task completed successfully"
            exit 0
          else
            echo "❌ Task failed"
            uv run rasen logs
            exit 1
          fi
`;
const planner = (subtasks: unknown[]): Act[] => [{ claim: { status: 'done', plan: { subtasks } } }];
// bash has no ${{ }}: the workflow puts the text in before.
const ci = (text: string) => text.replace('${{ inputs.task }}', 'Add a login');

test('the CI workflow of the guide, to the end', async () => {
  const p = project({ script: { '*': [WORKS], initializer: [planner(PLAN)] } });
  const ran = await shell(p, `set -e\n${ci(CI_RUN)}`);
  expect(ran).toMatchObject({
    code: 0,
    out: expect.stringMatching(/Daemon started with PID \d+\n[\s\S]*Progress: \d\/\d\n/),
  });
  expect(ran.out).not.toMatch(/Progress: (null|\/)/);
  expect(await shell(p, `set -e\n${CI_CHECK}`)).toEqual({ code: 0, out: '✅ Task completed successfully\n' });
});

test('the CI workflow of the guide when the task cannot be done', async () => {
  const p = project({ script: { '*': [[{ say: 'hm' }]], initializer: [planner(PLAN)] } });
  expect(await shell(p, ci(CI_RUN))).toMatchObject({ code: 0 });
  const checked = await shell(p, CI_CHECK);
  expect(checked).toMatchObject({
    code: 1,
    out: expect.stringMatching(
      /^❌ Task failed\n[\s\S]* - ERROR - Task blocked \(attempts\): auth-1 failed: stalled/,
    ),
  });
});

test('tail -f rasen.log | grep -i error, to the error', async () => {
  const p = project({ config: { limits: { attempts: 2 } } });
  p.script({ '*': [[{ await: p.beside('go') }, { exit: 1 }]] });
  await p.init(PLAN);
  await p.ok('run', '--background');
  await p.logged(/Working on/);
  const tail = spawn('tail', ['-f', '.rasen/rasen.log'], {
    cwd: p.root,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const grep = spawn('grep', ['-i', '--line-buffered', 'error'], { stdio: ['pipe', 'pipe', 'ignore'] });
  tail.stdout.pipe(grep.stdin);
  let said = '';
  grep.stdout.setEncoding('utf8').on('data', text => (said += text));
  const ended = new Promise(resolve => grep.once('close', resolve));
  try {
    go(p);
    await until('the error', () => said.includes('Task blocked'));
  } finally {
    tail.kill();
    await ended;
  }
  expect(said.trimEnd().split('\n')).toEqual(
    [
      /Attempt 2 of subtask auth-1: failed \(exit code 1\); no attempt is left$/,
      /Subtask auth-1 failed: 2 attempts/,
      /Task blocked \(attempts\): auth-1 failed/,
    ].map(line =>
      expect.stringMatching(
        new RegExp(`^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d - ERROR - .*${line.source}`),
      ),
    ),
  );
});

test('the lines of status, one by one', async () => {
  const p = project();
  p.script({ '*': [WORKS], 'auth-2': waits(p) });
  await p.init(PLAN);
  expect(await p.ok('run', '--background')).toMatch(
    /^Starting daemon\.\.\. \(PID file: \.rasen\/rasen\.pid, log: \.rasen\/rasen\.log\)\nDaemon started with PID \d+\n$/,
  );
  await p.session('auth-2');
  const lines = (await p.ok('status')).split('\n');
  const wanted = [
    'Status: running',
    `PID: ${p.instance.pid()}`,
    'Iteration: 2/50',
    'Progress: 1/2 subtasks completed',
    'Total commits: 1',
    'Current subtask: auth-2',
    '  Description: Do auth-2',
    `Last activity: ${STAMP}`,
    'Runtime: (\\d+h )?\\d+[ms]( \\d+s)?',
  ];
  for (const [i, line] of wanted.entries()) expect(lines[i]).toMatch(new RegExp(`^${line}$`));
  expect(Number(p.read('.rasen/rasen.pid'))).toBe(p.instance.pid());
  go(p);
  await p.ok('wait');
  const done = (await p.ok('status')).split('\n');
  expect(done.slice(0, 4)).toEqual([
    'Status: completed',
    'Iteration: 2/50',
    'Progress: 2/2 subtasks completed',
    'Total commits: 2',
  ]);
  expect(done.some(line => line.startsWith('Current subtask'))).toBe(false);
});

test('logs -n 100, logs | grep ERROR, logs | tail -100, logs --follow', async () => {
  const p = project({
    script: { '*': [WORKS], 'auth-1': [[{ say: 'ERROR: from the agent' }, { exit: 1 }], WORKS] },
  });
  await p.init(PLAN);
  await p.ok('run', '--background');
  const [followed, short] = await Promise.all([
    shell(p, 'uv run rasen logs --follow'),
    shell(p, 'uv run rasen logs -f'),
  ]);
  expect(short).toEqual(followed);
  expect(followed.code).toBe(0);
  const last = await shell(p, 'uv run rasen logs -n 100');
  expect(last.out).toBe(followed.out);
  const SEED = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - (INFO|WARNING|ERROR) - .+$/;
  const lines = last.out.trimEnd().split('\n');
  expect(lines.filter(line => !SEED.test(line))).toEqual(['[auth-1] ERROR: from the agent']);
  for (const text of [
    / - INFO - Iteration 1\/50$/m,
    / - INFO - Working on subtask: auth-1$/m,
    / - INFO - Session completed: 1 commit$/m,
    / - INFO - Subtask auth-1 completed$/m,
  ])
    expect(last.out).toMatch(text);
  expect((await shell(p, 'uv run rasen logs -n 3')).out).toBe(`${lines.slice(-3).join('\n')}\n`);
  expect((await shell(p, 'uv run rasen logs | tail -100')).out).toBe(`${lines.slice(-50).join('\n')}\n`);
  expect((await shell(p, 'uv run rasen logs | grep ERROR')).out).toBe('[auth-1] ERROR: from the agent\n');
});

test('stop and resume, with the lines of the guide', async () => {
  const p = project();
  p.script({ '*': [WORKS], 'auth-2': [[{ hang: {} }], WORKS] });
  await p.init([...PLAN, { id: 'auth-3' }]);
  await p.ok('run', '--background');
  await p.session('auth-2');
  expect(await p.ok('stop')).toMatch(/is interrupted\. Go on with: rasen resume \w{26}\n$/);
  await p.viewed({ status: 'interrupted' });
  expect(p.has('.rasen/rasen.pid')).toBe(false);
  const resumed = await shell(p, 'uv run rasen resume');
  expect(resumed.out).toMatch(
    /^Resuming task: Implement user authentication\nProgress: 1\/3 subtasks completed\nLast working on: auth-2\n {2}Description: Do auth-2\n\nStarting again with: auth-2\n/,
  );
  expect(resumed.code).toBe(0);
  expect(p.sessions().map(s => s.key)).toEqual(['auth-1', 'auth-2', 'auth-2', 'auth-3']);
});

test('the overnight workflow, up to the merge', async () => {
  const p = project({
    script: {
      '*': [WORKS],
      initializer: [planner([...PLAN, { id: 'api', title: 'API', description: 'layer' }])],
    },
  });
  const evening = await shell(
    p,
    'set -e\nuv run rasen init --task "Refactor entire API layer"\nuv run rasen run --background\nuv run rasen status',
  );
  expect(evening).toMatchObject({ code: 0, out: expect.stringMatching(/\nStatus: (running|completed)\n/) });
  await p.ok('wait');
  const morning = await shell(p, 'uv run rasen status');
  expect(morning.out).toMatch(
    /^Status: completed\n[\s\S]*\nProgress: 3\/3 subtasks completed\nTotal commits: 3\n/,
  );
  const merged = await shell(p, 'set -e\nuv run rasen merge\ngit log --oneline -20');
  expect(merged).toMatchObject({ code: 0, out: expect.stringMatching(/^Merged into main: [0-9a-f]{12}\n/) });
  expect(merged.out.match(/feat: /g)).toHaveLength(3);
  expect(p.git('status', '--porcelain')).toBe('');
  await until('the worktree is tidied away', () => p.git('worktree', 'list').split('\n').length === 1);
});

test('rm .rasen/rasen.pid disturbs nothing', async () => {
  const p = project();
  p.script({ '*': waits(p) });
  await p.init(PLAN);
  await p.ok('run', '--background');
  await p.session('auth-1');
  await until('the pid file', () => p.has('.rasen/rasen.pid'));
  const status = await shell(p, 'rm .rasen/rasen.pid\nuv run rasen status');
  expect(status.out).toMatch(/^Status: running\nPID: \d+\n/);
  // As the guide advises for a stale pid file: it must not become a second one.
  const again = await shell(p, 'uv run rasen run --background');
  expect(again).toMatchObject({ code: 0, out: expect.stringContaining('already running') });
  expect(p.sessions('auth-1')).toHaveLength(1);
  go(p);
  await p.ok('wait');
});

test('kill $(cat .rasen/rasen.pid): what runs is ended, nothing is lost, and resume goes on', async () => {
  const p = project();
  p.script({ '*': waits(p) });
  await p.init(PLAN);
  await p.ok('run', '--background');
  const { pid } = await p.session('auth-1');
  await until('the pid file', () => p.has('.rasen/rasen.pid'));
  const supervisor = p.instance.pid()!;
  expect((await shell(p, 'kill $(cat .rasen/rasen.pid)')).code).toBe(0);
  await until('it ends', () => !isAlive(supervisor));
  expect([p.has('.rasen/rasen.pid'), isAlive(pid)]).toEqual([false, false]);
  expect(p.status()).toMatchObject({ status: 'interrupted', pid: null, state: { why: 'shutdown' } });
  expect((await p.rasen('status')).stdout).toMatch(/^Status: interrupted\n/);
  expect(p.instance.pid()).toBeNull();
  await p.ok('resume', '--background');
  go(p);
  await p.ok('wait');
  expect(p.sessions().map(s => s.key)).toEqual(['auth-1', 'auth-1', 'auth-2']);
});

test('the log may be emptied or moved away while the task runs', async () => {
  const p = project();
  p.script({
    'auth-1': [[{ await: p.beside('go-1') }, ...WORKS]],
    'auth-2': [[{ await: p.beside('go-2') }, ...WORKS]],
    'auth-3': [WORKS],
  });
  await p.init([...PLAN, { id: 'auth-3' }]);
  await p.ok('run', '--background');
  await p.session('auth-1');
  await p.logged(/Working on subtask: auth-1/);
  await shell(p, '> .rasen/rasen.log');
  p.write({ '../go-1': '' });
  await p.session('auth-2');
  const emptied = await p.logged(/Working on subtask: auth-2/);
  expect(emptied).not.toContain('\0');
  expect(emptied).toMatch(/^\d{4}-/);
  await shell(p, 'mv .rasen/rasen.log .rasen/rasen.log.old');
  p.write({ '../go-2': '' });
  await p.ok('wait');
  const moved = await p.logged(/Task completed/);
  expect(moved).toContain('Working on subtask: auth-3');
  expect(moved).not.toContain('Working on subtask: auth-1\n');
});

test('several phases: init again after completion, with a merge in between', async () => {
  const p = project();
  for (const [i, phase] of [
    'Phase 1: Implement core models',
    'Phase 2: Implement business logic',
  ].entries()) {
    p.write({
      '../plan.yml': JSON.stringify({
        subtasks: [{ id: `phase-${i + 1}`, description: phase, agent: 'coder' }],
      }),
    });
    const ran = await shell(
      p,
      `set -e\nuv run rasen init --task "${phase}" --plan ../plan.yml\nuv run rasen run --background\nuv run rasen wait`,
    );
    expect(ran.code).toBe(0);
    expect((await p.ok('status')).split('\n')[0]).toBe('Status: completed');
    await p.ok('merge');
  }
  expect(p.git('log', '--format=%s').split('\n')).toEqual(['feat: phase-2', 'feat: phase-1', 'base']);
  expect(p.read('.rasen/task.txt')).toBe('Phase 2: Implement business logic\n');
  expect(JSON.parse(await p.ok('list', '--json'))).toHaveLength(2);
});

test('several phases without a merge in between, as in the guide: it says that the second starts without the first', async () => {
  const p = project();
  await p.init([{ id: 'phase-1' }]);
  expect((await p.rasen('run')).status).toBe(0);
  const { id } = await p.view();
  const again = await shell(
    p,
    'uv run rasen init --task "Phase 2: Implement business logic" --plan ../plan.yml',
  );
  expect(again).toMatchObject({
    code: 0,
    out: expect.stringMatching(
      new RegExp(`not merged; this one starts without them\\. Take them over first: rasen merge ${id}\\n`),
    ),
  });
  await p.ok('merge', id);
  expect((await p.rasen('run')).status).toBe(0);
  const { id: second, commit } = await p.view();
  expect(p.git('merge-base', 'main', commit!)).toBe(p.git('rev-parse', 'main'));
  await p.ok('merge', second);
  expect((await p.rasen('init', '--task', 'Phase 3')).stderr).toBe('');
});
