/** What happens to running work: closed terminals, signals, stops in every phase, and processes that hide. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { makeRepo } from '../crash/kills-repo.ts';
import {
  attemptFolder,
  commandSpec,
  Instance,
  marked,
  pipelineSpec,
  RASEN,
  until,
} from '../support/instance.ts';

let rig: Instance;
let witness: string;
beforeEach(() => {
  rig = new Instance();
  witness = join(rig.folder, 'witness');
  writeFileSync(witness, '');
});
afterEach(() => rig.close());

const said = () =>
  readFileSync(witness, 'utf8')
    .trim()
    .split('\n')
    .filter(line => line !== '');
const view = (task: string) => rig.call<TaskView>('task.get', { task });
const sh = (script: string) => ['/bin/sh', '-c', script.replaceAll('$W', witness)];
const submit = async (spec: ReturnType<typeof pipelineSpec>) => {
  await rig.call('task.run', { spec, env: rig.env });
  return spec.id;
};
const wait = async (task: string) => (await rig.call<TaskView[]>('task.wait', { tasks: [task] }))[0]!;
const running = (task: string) =>
  until('it runs', async () => (await view(task)).subtasks.find(s => s.attempt?.pid)?.attempt?.pid);
const has = (line: string) => until(`the witness says ${line}`, () => said().includes(line));

test('a terminal that is closed ends nothing, not even the supervisor that was started in it', async () => {
  const script = `${RASEN} run -- /bin/sh -c 'echo start >>${witness}; while [ ! -e ${witness}.go ]; do sleep 0.02; done; echo end >>${witness}; exit 5'`;
  const terminal = spawn('script', ['-qec', script, '/dev/null'], {
    env: { ...rig.env, SHELL: '/bin/sh' },
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  await has('start');
  const supervisor = rig.pid();
  const gone = new Promise(resolve => terminal.once('close', resolve));
  terminal.kill('SIGKILL');
  await gone;
  const [task] = JSON.parse(rig.rasen(['list', '--json']).stdout) as TaskView[];
  expect(task!.status).toBe('running');
  writeFileSync(`${witness}.go`, '');
  expect(rig.rasen(['wait', task!.id]).status).toBe(1);
  expect((await view(task!.id)).subtasks[0]!.history[0]!.code).toBe(5);
  expect(said()).toEqual(['start', 'end']);
  expect(rig.pid()).toBe(supervisor);
});

test.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)(
  '%s to rasend under a service manager leaves attempts running; the next one adopts them',
  async signal => {
    rig.env.RASEN_SERVICE = 'user';
    await rig.start();
    const live = await submit(
      commandSpec(
        sh('echo start >>$W; while [ ! -e $W.go ]; do sleep 0.02; done; echo end >>$W; exit 3'),
        rig.folder,
      ),
    );
    const away = await submit(
      commandSpec(sh('while [ ! -e $W.away ]; do sleep 0.02; done; echo away; exit 4'), rig.folder),
    );
    const pids = [await running(live), await running(away)];
    await has('start');
    await rig.kill(signal);
    if (signal !== 'SIGKILL') expect(rig.daemon!.exitCode).toBe(0);
    expect(marked(rig.home).length).toBeGreaterThanOrEqual(2);
    writeFileSync(`${witness}.away`, '');
    await until('one ends while nobody looks', () =>
      existsSync(join(attemptFolder(join(rig.home, 'tasks', away), 'run'), 'exit')),
    );
    await rig.start();
    expect(await running(live)).toBe(pids[0]);
    writeFileSync(`${witness}.go`, '');
    const ends = [await wait(live), await wait(away)];
    expect(ends.map(v => v.subtasks[0]!.history.map(h => [h.n, h.outcome, h.code]))).toEqual([
      [[1, 'failed', 3]],
      [[1, 'failed', 4]],
    ]);
    expect(said()).toEqual(['start', 'end']);
  },
);

test('SIGHUP does not end rasend', async () => {
  await rig.start();
  const id = await submit(commandSpec(sh('while [ ! -e $W.go ]; do sleep 0.02; done'), rig.folder));
  const pid = await running(id);
  for (let i = 0; i < 5; i++) rig.daemon!.kill('SIGHUP');
  expect((await view(id)).subtasks[0]!.attempt!.pid).toBe(pid);
  expect(rig.daemon!.exitCode).toBe(null);
  writeFileSync(`${witness}.go`, '');
  expect((await wait(id)).status).toBe('completed');
});

test('a stop asks first; --force during the grace kills; both can be resumed', async () => {
  await rig.start();
  const polite = await submit(
    commandSpec(
      sh('trap "echo bye >>$W; exit 9" TERM; while [ ! -e $W.go ]; do sleep 0.02; done'),
      rig.folder,
    ),
  );
  const deaf = await submit(
    commandSpec(
      sh('trap "" TERM INT HUP; echo deaf >>$W; while [ ! -e $W.go ]; do sleep 0.02; done'),
      rig.folder,
    ),
  );
  await running(polite);
  await has('deaf');
  expect(rig.rasen(['stop', polite]).status).toBe(0);
  expect(said()).toContain('bye');
  const gentle = rig.rasenAsync(['stop', deaf]);
  await until('it is asked', async () => (await view(deaf)).subtasks[0]!.attempt?.phase === 'stopping');
  expect(marked(rig.home).length).toBeGreaterThan(0);
  const began = performance.now();
  expect(rig.rasen(['stop', deaf, '--force']).status).toBe(0);
  expect((await gentle).status).toBe(0);
  expect(performance.now() - began).toBeLessThan(25_000);
  expect(marked(rig.home)).toEqual([]);
  expect([(await view(polite)).status, (await view(deaf)).status]).toEqual(['interrupted', 'interrupted']);
  writeFileSync(`${witness}.go`, '');
  for (const id of [polite, deaf]) {
    expect(rig.rasen(['resume', '--background', id]).status).toBe(0);
    expect(rig.rasen(['wait', id]).status).toBe(0);
  }
});

test('stop and resume right after each other, many times: never two at once, and it is done in the end', async () => {
  await rig.start();
  const script =
    // Builtins alone bear witness: a stop signals every program that the shell starts, those too that take it back.
    'trap "told=1" TERM; echo in >>$W; while [ ! -e $W.go ] && [ -z "$told" ]; do sleep 0.01; done; echo out >>$W; if [ "$told" ]; then exit 143; fi; echo end >>$W';
  const id = await submit(commandSpec(sh(script), rig.folder));
  for (let i = 0; i < 15; i++) {
    if (i % 3 === 0) await running(id);
    const stop = rig.call('task.stop', { task: id }).catch(() => {});
    if (i % 2) await stop;
    await rig.call('task.resume', { task: id });
    await stop;
  }
  writeFileSync(`${witness}.go`, '');
  expect((await wait(id)).status).toBe('completed');
  const seen = said().filter(line => line !== 'end');
  expect(seen).toEqual(seen.map((_, i) => (i % 2 === 0 ? 'in' : 'out')));
  expect(said().filter(line => line === 'end').length).toBe(1);
});

test('cancel while stopping wins; resume of a cancelled task is refused', async () => {
  await rig.start();
  const id = await submit(
    commandSpec(sh('trap "" TERM; echo start >>$W; while :; do sleep 0.05; done'), rig.folder),
  );
  await has('start');
  const stop = rig.call<TaskView>('task.stop', { task: id });
  await until('it is stopping', async () => (await view(id)).subtasks[0]!.attempt?.phase === 'stopping');
  const cancel = rig.call<TaskView>('task.cancel', { task: id, force: true });
  expect((await cancel).status).toBe('cancelled');
  expect((await stop).status).toBe('cancelled');
  expect(rig.rasen(['resume', '--background', id]).status).toBe(5);
  expect(rig.rasen(['wait', id]).status).toBe(130);
  expect(marked(rig.home)).toEqual([]);
});

test('a stop in the very first moments, and a crash in the middle of it', async () => {
  await rig.start();
  const ids: string[] = [];
  for (let i = 0; i < 10; i++) {
    const id = await submit(
      pipelineSpec([{ id: 'a', do: { run: sh(`echo a${i} >>$W; sleep 600`) } }], rig.folder),
    );
    ids.push(id);
    const stop = rig.call('task.stop', { task: id }).catch(() => {});
    if (i % 5 === 4) {
      await rig.kill();
      await rig.start();
    }
    await stop;
  }
  for (const id of ids)
    await until('it is interrupted', async () => (await view(id)).status === 'interrupted');
  expect(marked(rig.home)).toEqual([]);
  for (let i = 0; i < 10; i++) expect(said().filter(line => line === `a${i}`).length).toBeLessThanOrEqual(1);
});

test('a stop while gates run drops the gate, keeps the work, and the gate runs again', async () => {
  await rig.start();
  const repo = makeRepo(join(rig.folder, 'repo'), rig.env);
  const agent = join(rig.folder, 'agent.sh');
  writeFileSync(agent, `#!/bin/sh\ncat >/dev/null\necho work >>${witness}\necho x >new.txt\n`, {
    mode: 0o755,
  });
  const gate = sh('echo gate >>$W; while [ ! -e $W.go ]; do sleep 0.02; done');
  const spec = pipelineSpec(
    [{ id: 'one', do: { agent: 'coder' }, gates: [{ name: 'slow', run: gate }] }],
    repo,
    { workspace: { kind: 'git', slug: 'gates' }, agents: { coder: { command: [agent] } } },
  );
  const id = await submit(spec);
  await has('gate');
  expect(rig.rasen(['stop', id]).status).toBe(0);
  expect(marked(rig.home)).toEqual([]);
  expect((await view(id)).status).toBe('interrupted');
  writeFileSync(`${witness}.go`, '');
  expect(rig.rasen(['resume', '--background', id]).status).toBe(0);
  expect((await wait(id)).status).toBe('completed');
  expect(said().filter(line => line === 'work').length).toBe(1);
  expect(said().filter(line => line === 'gate').length).toBeGreaterThanOrEqual(2);
});

test('whatever an attempt leaves behind is swept: stopped, in a session of its own, forked twice', async () => {
  await rig.start();
  const hide: Record<string, string> = {
    setsid: 'setsid sleep 600 & sleep 0.1',
    double: '(setsid sh -c "sleep 600 & exec sleep 600" &) ; sleep 0.1',
    nohup: 'nohup sleep 600 >/dev/null 2>&1 & sleep 0.1',
    deaf: '(trap "" TERM; while :; do sleep 0.1; done) & sleep 0.1',
  };
  for (const [name, script] of Object.entries(hide)) {
    // By itself at the end …
    const over = await submit(commandSpec(sh(script), rig.folder));
    expect((await wait(over)).status, name).toBe('completed');
    expect(marked(rig.home), name).toEqual([]);
  }
  // … and by a stop.
  const live = await submit(
    commandSpec(sh(`${hide.setsid}; ${hide.double}; ${hide.nohup}; echo ready >>$W; sleep 600`), rig.folder),
  );
  await has('ready');
  expect(marked(rig.home).length).toBeGreaterThan(4);
  expect(rig.rasen(['stop', live]).status).toBe(0);
  expect(marked(rig.home)).toEqual([]);
  // A command that somebody has halted hears of the stop as well.
  const halted = await submit(commandSpec(sh('echo halted >>$W; while :; do sleep 0.05; done'), rig.folder));
  await has('halted');
  const command = marked(rig.home).find(
    p =>
      p.attempt.startsWith(halted) && p.command.includes('echo halted') && !p.command.includes('runner.sh'),
  )!;
  process.kill(command.pid, 'SIGSTOP');
  const began = performance.now();
  expect(rig.rasen(['stop', halted]).status).toBe(0);
  expect(performance.now() - began).toBeLessThan(20_000);
  expect(marked(rig.home)).toEqual([]);
});

test('what is secret in the environment stays in env.json', async () => {
  const secret = `s3cr3t-${process.pid}-value`;
  const env = { API_TOKEN: secret };
  const repo = join(rig.folder, 'repo');
  mkdirSync(repo);
  const git = (...args: string[]) => spawnSync('git', args, { cwd: repo, env: rig.env });
  git('init', '-qb', 'main');
  const agent = `cat >/dev/null; echo "\${#API_TOKEN}" >new.txt; echo in >>${witness}; while [ ! -e ${witness}.go ]; do sleep 0.02; done`;
  writeFileSync(
    join(repo, 'rasen.yml'),
    `agent: {command: [sh, -c, ${JSON.stringify(agent)}]}\ngates: [[sh, -c, "test -n \\"$API_TOKEN\\""]]\npass_env: [API_TOKEN]\n`,
  );
  writeFileSync(join(repo, 'plan.yml'), 'subtasks: [{id: one, title: One, agent: coder}]\n');
  git('add', '-A');
  git('commit', '-qm', 'base');
  expect(rig.rasen(['init', '--task', 'x', '--plan', 'plan.yml'], { cwd: repo, env }).status).toBe(0);
  const ran = rig.rasen(['run', '--background'], { cwd: repo, env });
  expect(ran.status, ran.stderr).toBe(0);
  const command = rig
    .rasen(['run', '--background', '--env', 'API_TOKEN', '--', 'sh', '-c', 'echo "$API_TOKEN"; exit 1'], {
      env,
    })
    .stdout.trim();
  await has('in');
  for (const name of readdirSync('/proc').filter(n => /^\d+$/.test(n))) {
    let line = '';
    try {
      line = readFileSync(`/proc/${name}/cmdline`, 'utf8');
    } catch {
      // Gone meanwhile.
    }
    expect(line.includes(secret), `${name} ${line.slice(0, 80)}`).toBe(false);
  }
  writeFileSync(`${witness}.go`, '');
  expect(rig.rasen(['wait'], { cwd: repo }).status).toBe(0);
  expect(rig.rasen(['wait', command]).status).toBe(1);
  expect(rig.rasen(['logs', command]).stdout).toBe('[masked: API_TOKEN]\n');
  expect(rig.rasen(['logs', '--raw', command]).stdout).toBe(`${secret}\n`);
  for (const words of [
    ['status'],
    ['status', '--json'],
    ['events', '--json'],
    ['list', '--json'],
    ['plan', 'show', '--json'],
    ['doctor', '--json'],
  ]) {
    expect(rig.rasen(words, { cwd: repo }).stdout, words.join(' ')).not.toContain(secret);
  }
  // A new supervisor from another shell gives the commands what was captured, not its own.
  await rig.kill();
  const found = spawnSync('grep', ['-rlF', secret, rig.folder], { encoding: 'utf8' })
    .stdout.trim()
    .split('\n');
  expect(found.filter(file => !file.endsWith('/env.json') && !file.endsWith('/output'))).toEqual([]);
  const files = found.filter(file => file.endsWith('/env.json'));
  expect(files.length).toBe(2);
  for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
  for (const path of [rig.home, join(rig.home, 'tasks'), join(rig.home, 'run')])
    expect(statSync(path).mode & 0o077, path).toBe(0);
});

test('daemon.suspend: what runs ends without a penalty, nothing starts, and the next supervisor goes on', async () => {
  rig.env.RASEN_SERVICE = 'user';
  await rig.start();
  const runs = join(rig.folder, 'runs');
  const gate = join(rig.folder, 'gate');
  const script = `echo $$ >>${runs}; trap 'exit 0' TERM; while [ ! -e ${gate} ]; do sleep 0.02; done`;
  const id = rig.rasen(['run', '--background', '--', 'sh', '-c', script]).stdout.trim();
  await until('it runs', () => existsSync(runs));
  expect(await rig.call('daemon.suspend')).toEqual({ stopped: 1 });
  const late = rig.rasen(['run', '--background', '--', 'true']).stdout.trim();
  expect((await rig.call<TaskView>('task.get', { task: id })).subtasks[0]!.history).toMatchObject([
    { outcome: 'killed', code: 0 },
  ]);
  await rig.kill('SIGTERM');
  await rig.start();
  await until('it runs again', () => readFileSync(runs, 'utf8').trim().split('\n').length === 2);
  writeFileSync(gate, '');
  const [view, other] = await rig.call<TaskView[]>('task.wait', { tasks: [id, late] });
  expect([view!.status, other!.status]).toEqual(['completed', 'completed']);
  expect(other!.subtasks[0]!.history).toHaveLength(1);
});

test('daemon.suspend: a merge that waits for its gate is cut short, and made by the next supervisor', async () => {
  rig.env.RASEN_SERVICE = 'user';
  await rig.start();
  const repo = makeRepo(join(rig.folder, 'repo'), rig.env);
  const slow = join(rig.folder, 'slow');
  const gate = sh(`[ -e ${slow} ] || exit 0; echo gate >>$W; while [ -e ${slow} ]; do sleep 0.02; done`);
  const spec = pipelineSpec([{ id: 'one', do: { agent: 'coder' } }], repo, {
    workspace: { kind: 'git', slug: 'merges' },
    agents: { coder: { command: sh('cat >/dev/null; echo x >new.txt') } },
    gates: [{ name: 'slow', run: gate }],
  });
  const id = await submit(spec);
  expect((await wait(id)).status).toBe('completed');
  writeFileSync(slow, '');
  const merging = rig.rasenAsync(['merge', id], { cwd: repo });
  await has('gate');
  await rig.call('daemon.suspend');
  expect(marked(rig.home)).toEqual([]);
  await rig.kill('SIGTERM');
  rmSync(slow);
  await rig.start();
  expect((await merging).status).toBe(0);
  expect((await view(id)).merged).not.toBeNull();
});
