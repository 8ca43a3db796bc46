/**
 * Records of jobs in the hands of an agent. It runs as the same user, in the cage that holds least (`group`), and leaves a
 * program behind that writes every file of rasen's while its work is judged. Every gate has a witness outside: a file that
 * only the gate itself writes to.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Event } from '../../src/contract/event.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { commandSpec, Instance, until } from '../support/instance.ts';
import { LONG } from '../support/long.ts';

const FORGER = join(import.meta.dirname, '../support/forger.mjs');

let rig: Instance;
beforeEach(() => {
  rig = new Instance({ RASEN_CAGE: 'group' });
});
afterEach(async () => {
  writeFileSync(path('stop'), '');
  await rig.close();
});

const path = (...names: string[]) => join(rig.folder, ...names);
const lines = (name: string) =>
  existsSync(path(name)) ? readFileSync(path(name), 'utf8').trim().split('\n') : [];
const git = (...words: string[]) => {
  const { status, stdout, stderr } = spawnSync('git', words, {
    cwd: path('p'),
    env: rig.env,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`git ${words.join(' ')}: ${stderr}`);
  return stdout.trim();
};
const script = (name: string, text: string) => {
  writeFileSync(path(name), `#!/bin/sh\n${text}`, { mode: 0o755 });
  return path(name);
};

/** A project whose gate is green on the base and red on what the agent commits. `agent`: what it does besides. */
function project(agent: string, { plan = '', gate = '' } = {}): void {
  mkdirSync(path('p'));
  git('init', '-q', '-b', 'main');
  git('config', 'user.name', 'a');
  git('config', 'user.email', 'a@b');
  writeFileSync(path('p/a.txt'), 'hello\n');
  mkdirSync(path('p/build'));
  writeFileSync(path('p/build/x'), '');
  writeFileSync(path('p/.gitignore'), 'made\n');
  const coder = script(
    'agent.sh',
    `cat >/dev/null\nd=$(tr '\\0' '\\n' </proc/$PPID/cmdline | tail -n 1)\n${agent}\necho '{"status":"done"}' >"$RASEN_RESULT_FILE"\n`,
  );
  const check = script(
    'gate.sh',
    `git rev-parse HEAD >>${path('ran')}; pwd -P >>${path('where')}\n${gate}\ngrep -q hello a.txt\n`,
  );
  writeFileSync(path('p/rasen.yml'), `agent: [${coder}]\ngates:\n  - [${check}]\nlimits: {attempts: 1}\n`);
  git('add', '-A');
  git('commit', '-qm', 'base');
  writeFileSync(path('plan.yml'), `subtasks:\n  - {id: one, title: One, agent: coder}\n${plan}`);
  const made = rig.rasen(['init', '--task', 'x', '--plan', path('plan.yml')], { cwd: path('p') });
  expect(made, made.stderr).toMatchObject({ status: 0 });
}

const BREAKS = 'echo "broken by the agent" >a.txt; git commit -qam work';
const forger = (how: string, from: string) =>
  `env -i setsid ${process.execPath} ${FORGER} ${how} "\${d%/*/*}" ${path(from)} ${path('stop')} </dev/null >/dev/null 2>&1 &`;
/** How long a forger may keep a task from coming to its end. */
const FORGES_MS = 6000;

const task = async () => (await rig.call<TaskView[]>('task.list'))[0]!;
const journal = (id: string): Event[] =>
  readFileSync(join(rig.home, 'tasks', id, 'events.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
const isOver = ({ status }: TaskView) => !['pending', 'running', 'waiting'].includes(status);

/** No gate counts as passed that was not run on the very commit, and the red one keeps the task from being completed. */
async function nothingForged(): Promise<TaskView> {
  const view = await until(
    'the task is over',
    async () => {
      const now = await task();
      return isOver(now) ? now : null;
    },
    60_000,
  );
  const passed = journal(view.id).filter(
    e => e.type === 'gate_ended' && e.evidence.kind === 'run' && e.evidence.passed,
  );
  // Those of the base were asked before there was an agent.
  for (const event of passed)
    if (event.type === 'gate_ended' && event.step !== '_baseline')
      expect(lines('ran'), event.evidence.name).toContain(event.evidence.commit);
  expect(view.status).not.toBe('completed');
  return view;
}

describe('an agent that forges the records of its gates', () => {
  it('does not pass by what it planted before they ran, and it is told of', async () => {
    await rig.start();
    project(`${BREAKS}
      boot=$(cat /proc/sys/kernel/random/boot_id)
      for g in "$d/gates/2.1" "$d/gates/2.1-0123456789abcdef" "\${d%/*/*}/_final/1/gates/0.1"; do
        mkdir -p "$g"; echo group >"$g/claim"
        printf '{"v":1,"boot":"%s","pid":999999,"start":"1","cgroup":""}\\n' "$boot" >"$g/runner"
        printf '{"v":1,"boot":"%s","result":"exited","code":0,"signal":null,"up":"1","term":false}\\n' "$boot" >"$g/exit"
      done`);
    rig.rasen(['run'], { cwd: path('p') });
    const view = await nothingForged();
    expect(view.forgeries.flatMap(({ what }) => what).sort()).toEqual([
      'a folder of _final was there before its first attempt',
      'gates of it were there before one was run',
    ]);
    expect(rig.rasen(['status', view.id]).stdout).toMatch(
      /^Tried to forge records during attempt 1 of one: /m,
    );
    expect(rig.rasen(['report', view.id]).stdout).toContain('Tried to forge records during attempt 1 of one');
  });

  it.each(LONG ? ['races', 'rewrites', 'replaces', 'exchanges'] : ['races', 'rewrites'])(
    'does not pass by a program that it left, which %s',
    async how => {
      await rig.start();
      project(`${BREAKS}\n${forger(how, 'p')}`);
      rig.rasen(['run', '--background'], { cwd: path('p') });
      const end = Date.now() + FORGES_MS;
      await until('it had its time', async () => Date.now() > end || isOver(await task()));
      writeFileSync(path('stop'), '');
      await nothingForged();
    },
  );

  it.each(LONG ? ['races', 'rewrites', 'replaces', 'exchanges'] : ['rewrites', 'replaces'])(
    'does not pass by a program that it left, which %s while the supervisor is away',
    async how => {
      await rig.start();
      const judging = `: >${path('judging')}; while [ ! -e ${path('go')} ]; do sleep 0.02; done; : >${path('judged')}`;
      project(`${BREAKS}\n${forger(how, 'judging')}`, {
        gate: `[ "$(git rev-parse HEAD)" = "$(git rev-parse main)" ] || { ${judging}; }`,
      });
      rig.rasen(['run', '--background'], { cwd: path('p') });
      await until('the gate runs', () => existsSync(path('judging')));
      await rig.kill();
      writeFileSync(path('go'), '');
      await until('the gate is through', () => existsSync(path('judged')));
      await rig.start();
      const end = Date.now() + FORGES_MS;
      await until('it had its time', async () => Date.now() > end || isOver(await task()));
      writeFileSync(path('stop'), '');
      await nothingForged();
    },
  );

  it('does not end early, nor well, by an end of its own that it wrote', async () => {
    await rig.start();
    const forged = `d=$(tr '\\0' '\\n' </proc/$PPID/cmdline | tail -n 1)
      printf '{"v":1,"boot":"%s","result":"exited","code":0,"signal":null,"up":"1","term":false}\\n' "$(cat /proc/sys/kernel/random/boot_id)" >"$d/exit"
      : >${path('written')}; while [ ! -e ${path('go')} ]; do sleep 0.02; done; echo done >>${path('ran')}; exit 3`;
    const spec = commandSpec(['sh', '-c', forged], rig.folder);
    await rig.call('task.run', { spec, env: { PATH: process.env.PATH } });
    await until('it is written', () => existsSync(path('written')));
    await rig.kill();
    await rig.start();
    expect((await task()).status).toBe('running');
    writeFileSync(path('go'), '');
    const view = await until('it is over', async () => {
      const now = await task();
      return isOver(now) ? now : null;
    });
    expect(view).toMatchObject({ status: 'failed', reason: expect.stringContaining('exit code 3') });
    expect(lines('ran')).toHaveLength(1);
  });
});

describe('a folder that leads out', () => {
  const clean = (cwd: string) => `  - {id: clean, cwd: ${cwd}, run: [sh, -c, "rm -f *"], needs: [one]}\n`;
  const ADDED = /diff gate: A link that leads out of the tree was added: build\./;
  const LEADS_OUT = /leads out of the worktree \(to /;
  it.each([
    ['the folder of a command, in a commit', 'rm -rf build; ln -s DEAR build', 'build', ADDED],
    ['the folder of a command, which git ignores', 'ln -s DEAR made', 'made', LEADS_OUT],
    ['a folder above it', 'ln -s DEAR/.. made', 'made/dear', LEADS_OUT],
  ])('%s: nothing is run there', async (_what, agent, cwd, said) => {
    mkdirSync(path('dear'));
    writeFileSync(path('dear/file'), '');
    await rig.start();
    project(`${agent.replace('DEAR', path('dear'))}; echo work >>a.txt; git add -A; git commit -qm work`, {
      plan: clean(cwd),
    });
    rig.rasen(['run'], { cwd: path('p') });
    const view = await until('the task is over', async () => {
      const now = await task();
      return isOver(now) ? now : null;
    });
    expect(existsSync(path('dear/file'))).toBe(true);
    expect(view.status).not.toBe('completed');
    expect(JSON.stringify(view.subtasks)).toMatch(said);
  });

  it('a worktree that was exchanged for a link: its gates do not run behind it', async () => {
    await rig.start();
    mkdirSync(path('dear'));
    project(`${BREAKS}; w=$PWD; cd /; mv "$w" "$w.away"; ln -s ${path('dear')} "$w"`);
    rig.rasen(['run'], { cwd: path('p') });
    const view = await until(
      'the task is over',
      async () => {
        const now = await task();
        return isOver(now) ? now : null;
      },
      60_000,
    );
    expect(view.status).not.toBe('completed');
    expect(existsSync(path('dear/.git'))).toBe(false);
    expect(lines('where').filter(place => !place.includes('/.worktrees/'))).toEqual([]);
  });
});

const mountable = process.platform === 'linux' && process.getuid?.() === 0;
describe.skipIf(!mountable)('a disk that does not take the record (as root, for a mount)', () => {
  const mount = (...words: string[]) => {
    const { status, stderr } = spawnSync('mount', words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`mount ${words.join(' ')}: ${stderr}`);
  };
  beforeEach(() => {
    mkdirSync(rig.home, { mode: 0o700 });
    mount('-t', 'tmpfs', '-o', 'size=300m,mode=700', 'tmpfs', rig.home);
  });
  afterEach(async () => {
    await rig.kill();
    spawnSync('umount', ['-l', rig.home]);
  });

  it.each([
    ['is full', () => fill(), () => spawnSync('rm', ['-f', join(rig.home, 'fill')])],
    [
      'can only be read',
      () => {
        mount('--bind', join(rig.home, 'tasks'), join(rig.home, 'tasks'));
        mount('-o', 'remount,bind,ro', join(rig.home, 'tasks'));
      },
      () => spawnSync('umount', ['-l', join(rig.home, 'tasks')]),
    ],
  ])(
    'when it %s: the command that ended is not run again, through a restart',
    async (_what, refuse, relent) => {
      await rig.start();
      const spec = commandSpec(
        [
          'sh',
          '-c',
          `: >${path('up')}; while [ ! -e ${path('go')} ]; do sleep 0.02; done; echo ran >>${path('ran')}`,
        ],
        rig.folder,
      );
      await rig.call('task.run', { spec, env: { PATH: process.env.PATH } });
      const runner = () => {
        const { stdout } = spawnSync('pgrep', ['-f', `runner.sh ${rig.home}`], { encoding: 'utf8' });
        return stdout.trim().split('\n').filter(Boolean);
      };
      await until('it runs', () => existsSync(path('up')));
      const [pid] = runner();
      refuse();
      writeFileSync(path('go'), '');
      const isWaiting = () => /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
      await until('the runner waits for the disk', isWaiting);
      await rig.kill();
      if (LONG) await new Promise(resolve => setTimeout(resolve, 75_000));
      expect(isWaiting(), 'it is still the record').toBe(true);
      relent();
      await rig.start();
      await until('it is completed', async () => (await task()).status === 'completed');
      expect(lines('ran')).toHaveLength(1);
    },
  );

  it('a stop waits for it; only one with force gives the result up', async () => {
    await rig.start();
    const wait = `: >${path('up')}; while [ ! -e ${path('go')} ]; do sleep 0.02; done; echo ran >>${path('ran')}`;
    const spec = commandSpec(['sh', '-c', wait], rig.folder);
    await rig.call('task.run', { spec, env: { PATH: process.env.PATH } });
    await until('it runs', () => existsSync(path('up')));
    const { stdout } = spawnSync('pgrep', ['-f', `runner.sh ${rig.home}`], { encoding: 'utf8' });
    const pid = stdout.trim();
    // Only its own folder: the journal can be written.
    const folder = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean).at(-1)!;
    mount('--bind', folder, folder);
    mount('-o', 'remount,bind,ro', folder);
    writeFileSync(path('go'), '');
    const state = () => {
      try {
        return /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? null;
      } catch {
        return null;
      }
    };
    await until('the runner waits for the disk', () => state() === 'T');
    const { id } = await task();
    await rig.call('task.stop', { task: id, force: true });
    await until('it is given up', () => state() === null || state() === 'Z', 60_000);
    spawnSync('umount', ['-l', folder]);
    await until('it is stopped', async () => (await task()).status === 'interrupted', 60_000);
  });
});

function fill(): void {
  writeFileSync(join(rig.home, 'fill'), '');
  try {
    for (;;) appendFileSync(join(rig.home, 'fill'), Buffer.alloc(1024 * 1024));
  } catch {
    try {
      for (;;) appendFileSync(join(rig.home, 'fill'), Buffer.alloc(1));
    } catch {
      // Full.
    }
  }
}
