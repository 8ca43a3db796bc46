/** The commands against a real supervisor: what they answer, with which status, and what they leave alone. */
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { Instance, RASEN, RASEND, until } from '../support/instance.ts';

let rig: Instance;
beforeEach(() => {
  rig = new Instance();
});
afterEach(() => rig.close());

const background = (...words: string[]) => rig.rasen(['run', '--background', '--', ...words]).stdout.trim();

test('wait: several tasks, and the statuses 0, 1, 3 and 130', async () => {
  await rig.start();
  const [good, bad] = [background('true'), background('false')];
  const plan = join(rig.folder, 'blocked.yml');
  writeFileSync(plan, 'subtasks:\n  - { id: one, run: [/no/such/program] }\n');
  const blocked = rig.rasen(['run', '--background', '-f', plan]).stdout.trim();
  const slow = background('sleep', '600');
  expect(rig.rasen(['wait', good]).status).toBe(0);
  expect(rig.rasen(['wait', bad]).status).toBe(1);
  expect(rig.rasen(['wait', blocked]).status).toBe(3);
  expect(rig.rasen(['wait', good, bad]).status).toBe(1);
  expect(rig.rasen(['wait', good, blocked, bad]).status).toBe(3);
  const waiting = rig.rasenAsync(['wait', good, slow, '--json']);
  expect(rig.rasen(['cancel', slow, '--force']).status).toBe(0);
  const { status, stdout } = await waiting;
  expect(status).toBe(130);
  expect((JSON.parse(stdout) as TaskView[]).map(v => [v.id, v.status])).toEqual([
    [good, 'completed'],
    [slow, 'cancelled'],
  ]);
  // The foreground has the same statuses.
  expect(rig.rasen(['run', '--', 'true']).status).toBe(0);
  expect(rig.rasen(['run', '--', 'sh', '-c', 'exit 7']).status).toBe(1);
  expect(rig.rasen(['run', '-f', plan]).status).toBe(3);
  const stopped = background('sleep', '600');
  expect(rig.rasen(['stop', stopped, '--force']).status).toBe(0);
  expect(rig.rasen(['wait', stopped]).status).toBe(130);
  expect(rig.rasen(['cancel', stopped]).status).toBe(0);
  expect(rig.rasen(['cancel', blocked]).status).toBe(0);
});

test('note: refused where no agent could be told', async () => {
  await rig.start();
  const id = background('sleep', '600');
  const { status, stdout, stderr } = rig.rasen(['note', id, 'Use tabs.']);
  expect([status, stdout]).toEqual([5, '']);
  expect(stderr).toContain(`task ${id} has no agent that could be told`);
  expect(stderr).toContain(`rasen logs ${id}`);
  const [view] = JSON.parse(rig.rasen(['list', '--json']).stdout) as TaskView[];
  expect(view!.notes).toEqual([]);
  rig.rasen(['cancel', id, '--force']);
});

test('list: order, filters, limit, and a task by every name it has', async () => {
  await rig.start();
  const ids = ['a', 'b', 'c'].map(name =>
    rig
      .rasen(['run', '--background', '--name', `job-${name}`, '--', name === 'b' ? 'false' : 'true'])
      .stdout.trim(),
  );
  rig.rasen(['wait', ...ids]);
  const listed = (...args: string[]) =>
    (JSON.parse(rig.rasen(['list', '--json', ...args]).stdout) as TaskView[]).map(v => v.id);
  expect(listed()).toEqual(ids.toReversed());
  expect(listed('-n', '1')).toEqual([ids[2]]);
  expect(listed('--status', 'failed')).toEqual([ids[1]]);
  expect(listed('--status', 'failed,completed')).toEqual(ids.toReversed());
  expect(listed('--status', 'running')).toEqual([]);
  expect(listed('--here')).toEqual(ids.toReversed());
  for (const ref of [ids[1]!, ids[1]!.slice(-8), ids[1]!.slice(-4).toUpperCase(), 'job-b']) {
    expect(JSON.parse(rig.rasen(['status', ref, '--json']).stdout).id).toBe(ids[1]);
  }
  const ambiguous = rig.rasen(['status', ids[0]!.slice(0, 4)]);
  expect([ambiguous.status, ambiguous.stdout]).toEqual([2, '']);
  for (const id of ids) expect(ambiguous.stderr).toContain(id);
  expect(rig.rasen(['list']).stdout.split('\n')[0]).toMatch(/^ID +STATUS/);
});

test('events: numbered without gaps, followed over a restart', async () => {
  await rig.start();
  const gate = join(rig.folder, 'gate');
  const id = background('sh', '-c', `while [ ! -e ${gate} ]; do sleep 0.02; done`);
  const follower = spawn(RASEN, ['events', id, '-f', '--json'], {
    env: rig.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // Listened for from the start: it ends by itself when the task is over.
  const over = new Promise(resolve => follower.once('close', resolve));
  let followed = '';
  follower.stdout.setEncoding('utf8').on('data', (text: string) => {
    followed += text;
  });
  await until('it follows', () => followed !== '');
  await until(
    'it runs',
    async () => (await rig.call<TaskView>('task.get', { task: id })).subtasks[0]!.attempt?.pid,
  );
  await rig.kill();
  await rig.start();
  writeFileSync(gate, '');
  await rig.call('task.wait', { tasks: [id] });
  const dump = rig
    .rasen(['events', id, '--json'])
    .stdout.trim()
    .split('\n')
    .map(line => JSON.parse(line));
  expect(dump.map(e => e.seq)).toEqual(dump.map((_, i) => i + 1));
  expect(dump.every(e => e.task === id && typeof e.type === 'string' && !Number.isNaN(Date.parse(e.t)))).toBe(
    true,
  );
  expect(dump.at(-1).type).toBe('task_completed');
  expect(
    rig
      .rasen(['events', id, '--json', '--after', String(dump.length - 1)])
      .stdout.trim()
      .split('\n').length,
  ).toBe(1);
  const seqs = () =>
    followed
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).seq as number);
  expect(await over).toBe(0);
  expect(seqs()).toEqual(dump.map(e => e.seq));
});

test('everything that answers does so in JSON, and without colours where none are wanted', {
  timeout: 400_000,
}, async () => {
  await rig.start();
  const pipeline = join(rig.folder, 'p.yml');
  writeFileSync(
    pipeline,
    'subtasks:\n  - {id: one, run: [echo, "1"]}\n  - {id: two, run: ["false"], needs: [one]}\n',
  );
  const id = rig.rasen(['run', '--background', '-f', pipeline]).stdout.trim();
  rig.rasen(['wait', id]);
  const commands = [
    ['run', '--', 'true'],
    ['run', '--background', '--', 'true'],
    ['run', '-f', pipeline],
    ['status', id],
    ['list'],
    ['wait', id],
    ['plan', 'show', id],
    ['doctor'],
    ['gc', '--dry-run'],
    ['config', 'check', pipeline],
    ['status', 'nope'],
    ['stop', id],
    ['cancel', id],
    ['resume', id],
    ['merge', id],
    ['retry', 'two', '--task', id],
    ['rollback', '--task', id],
    ['list', '--status', 'x'],
  ];
  await Promise.all(
    commands.map(async (words, i) => {
      const dashes = words.indexOf('--');
      const at = dashes < 0 ? words.length : dashes;
      const flag = [['--json'], ['--format', 'json'], ['--format=json']][i % 3]!;
      const { stdout } = await rig.rasenAsync([...words.slice(0, at), ...flag, ...words.slice(at)]);
      expect(() => JSON.parse(stdout), `${words.join(' ')} ${flag.join(' ')}: ${stdout}`).not.toThrow();
      expect(stdout.trim().split('\n').length, words.join(' ')).toBe(1);
      const plain = await rig.rasenAsync(words);
      expect(plain.stdout + plain.stderr).not.toMatch(/\x1b/);
    }),
  );
  for (const words of [
    ['logs', id],
    ['events', id],
  ]) {
    for (const line of rig
      .rasen([...words, '--json'])
      .stdout.trim()
      .split('\n'))
      expect(JSON.parse(line)).toBeTypeOf('object');
  }
  const forced = spawnSync(
    'script',
    ['-qec', `${join(import.meta.dirname, '../../bin/rasen')} list`, '/dev/null'],
    { env: rig.env, encoding: 'utf8' },
  );
  expect(forced.stdout).toContain('STATUS');
  expect(forced.stdout).not.toMatch(/\x1b\[/);
  // Nor does what a task is called reach the terminal as it is.
  const odd = rig
    .rasen(['run', '--background', '--name', '\x1b[2Jname', '--', 'sh', '-c', 'exit 1; \x1b[31m'])
    .stdout.trim();
  rig.rasen(['wait', odd]);
  for (const words of [
    ['list'],
    ['status', odd],
    ['wait', odd],
    ['events', odd],
    ['doctor'],
    ['plan', 'show', odd],
  ]) {
    const { stdout, stderr } = rig.rasen(words);
    expect(stdout + stderr, words.join(' ')).not.toMatch(/\x1b/);
  }
});

test('plan show, as text, YAML and JSON; what it prints is a plan file', async () => {
  await rig.start();
  const file = join(rig.folder, 'p.yml');
  writeFileSync(
    file,
    'parallel: 2\nsubtasks:\n  - {id: one, title: "First: yes", run: [echo, "a b", "#x", "null", ""]}\n  - {id: two, run: ["true"], needs: [one], on_fail: continue}\n',
  );
  const id = rig.rasen(['run', '--background', '-f', file]).stdout.trim();
  rig.rasen(['wait', id]);
  expect(rig.rasen(['plan', 'show', id]).stdout).toContain('one  First: yes');
  const plan = JSON.parse(rig.rasen(['plan', 'show', id, '--json']).stdout);
  expect(plan.subtasks.map((s: { id: string }) => s.id)).toEqual(['one', 'two']);
  expect(plan.subtasks[0].do.run).toEqual(['echo', 'a b', '#x', 'null', '']);
  const copy = join(rig.folder, 'copy.yml');
  writeFileSync(copy, rig.rasen(['plan', 'show', id, '--format', 'yaml']).stdout);
  const again = rig.rasen(['run', '--background', '-f', copy]);
  expect(again.status, again.stderr).toBe(0);
  rig.rasen(['wait', again.stdout.trim()]);
  expect(JSON.parse(rig.rasen(['plan', 'show', again.stdout.trim(), '--json']).stdout).subtasks).toEqual(
    plan.subtasks,
  );
});

test('doctor and gc', async () => {
  await rig.start();
  expect(rig.rasen(['doctor']).status).toBe(0);
  const over = background('true');
  const live = background('sleep', '600');
  rig.rasen(['wait', over]);
  const young = rig.rasen(['gc']);
  expect(young.stdout).toContain('0 removed');
  expect(young.stdout).toContain('it ended today');
  const dry = rig.rasen(['gc', '--older-than', '0', '--dry-run']);
  expect(dry.stdout).toContain(`would be removed: ${over}`);
  expect(existsSync(join(rig.home, 'tasks', over))).toBe(true);
  const real = JSON.parse(rig.rasen(['gc', '--older-than', '0', '--json']).stdout);
  expect(real.removed.map((t: { id: string }) => t.id)).toEqual([over]);
  expect(existsSync(join(rig.home, 'tasks', over))).toBe(false);
  expect(rig.rasen(['status', over]).status).toBe(2);
  expect(rig.rasen(['status', live]).status).toBe(0);
  await rig.kill();
  await rig.start();
  expect((JSON.parse(rig.rasen(['list', '--json']).stdout) as TaskView[]).map(v => v.id)).toEqual([live]);
  rig.rasen(['cancel', live, '--force']);
});

test('gc keeps commits that were never merged, until it is told not to', async () => {
  await rig.start();
  const repo = join(rig.folder, 'repo');
  mkdirSync(repo);
  const git = (...args: string[]) => spawnSync('git', args, { cwd: repo, env: rig.env, encoding: 'utf8' });
  git('init', '-qb', 'main');
  writeFileSync(
    join(repo, 'rasen.yml'),
    'agent: {command: [sh, -c, "cat >/dev/null; echo x >new.txt"]}\ngates: [["true"]]\n',
  );
  writeFileSync(join(repo, 'plan.yml'), 'subtasks: [{id: one, title: One, agent: coder}]\n');
  git('add', '-A');
  git('commit', '-qm', 'base');
  expect(rig.rasen(['init', '--task', 'x', '--plan', 'plan.yml'], { cwd: repo }).status).toBe(0);
  const ran = rig.rasen(['run'], { cwd: repo });
  expect(ran.status, ran.stderr + ran.stdout).toBe(0);
  const kept = rig.rasen(['gc', '--older-than', '0']);
  expect(kept.stdout).toContain('never merged');
  expect(kept.stdout).toContain('0 removed');
  expect(git('for-each-ref', 'refs/rasen').stdout).not.toBe('');
  const removed = rig.rasen(['gc', '--older-than', '0', '--unmerged']);
  expect(removed.stdout).toContain('1 removed');
  expect(git('for-each-ref', 'refs/rasen').stdout).toBe('');
  expect(git('worktree', 'list').stdout.trim().split('\n').length).toBe(1);
  expect(git('fsck', '--no-dangling').status).toBe(0);
  expect(git('status', '--porcelain').stdout).toBe('');
});

test('completion scripts are what their shells understand', () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { status, stdout } = rig.rasen(['completion', shell]);
    expect(status).toBe(0);
    for (const word of ['run', 'status', 'logs', 'rollback']) expect(stdout).toContain(word);
    const file = join(rig.folder, shell);
    writeFileSync(file, stdout);
    if (spawnSync(shell, ['-c', 'true']).status === 0)
      expect(spawnSync(shell, ['-n', file], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  }
});

test('commands that only look start no supervisor and make nothing; those that change something start one', () => {
  const unknown = [
    ['status', 'x'],
    ['logs', 'x'],
    ['wait', 'x'],
    ['events', 'x'],
    ['plan', 'show', 'x'],
  ];
  const others = [
    ['list'],
    ['report'],
    ['events', '--all'],
    ['status'],
    ['doctor'],
    ['config', 'check'],
    ['completion', 'bash'],
    ['help'],
    ['--version'],
  ];
  for (const words of [...unknown, ...others]) {
    const { status, stderr } = rig.rasen(words);
    if (unknown.includes(words))
      expect([words, status, stderr]).toEqual([words, 2, expect.stringContaining('"x"')]);
    expect(rig.pid(), words.join(' ')).toBe(null);
    expect(existsSync(join(rig.home, 'tasks')), words.join(' ')).toBe(false);
  }
  expect(rig.rasen(['cancel', 'x'])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('starting one'),
  });
  const pid = rig.pid();
  expect(pid).toBeGreaterThan(1);
  expect(rig.rasen(['run', '--', 'true']).status).toBe(0);
  expect(rig.pid()).toBe(pid);
});

test('a socket path that is too long is told as that, by both sides', () => {
  const home = join(rig.folder, 'long'.repeat(40));
  const env = { ...rig.env, RASEN_HOME: home };
  const daemon = spawnSync(RASEND, [], { env, encoding: 'utf8', timeout: 20_000 });
  expect(daemon.status).toBe(2);
  expect(daemon.stderr).toMatch(/at most 103/i);
  for (const words of [['list'], ['run', '--', 'true']]) {
    const { status, stderr } = rig.rasen(words, { env: { RASEN_HOME: home } });
    expect(status, stderr).toBe(2);
    expect(stderr).toMatch(/at most 103/i);
  }
});

test('a second supervisor of the same instance is refused and told who holds it', async () => {
  await rig.start();
  const second = spawnSync(RASEND, [], { env: rig.env, encoding: 'utf8', timeout: 20_000 });
  expect(second.status).toBe(75);
  expect(second.stderr).toContain(String(rig.pid()));
  // Also with the socket elsewhere: one state never has two masters.
  const runtime = mkdtempSync(join(tmpdir(), 'rs-'));
  const state = join(rig.folder, 'xdg');
  const env = { ...rig.env, RASEN_HOME: '', XDG_STATE_HOME: state };
  const other = new Instance();
  try {
    mkdirSync(join(state, 'rasen'), { recursive: true });
    expect(rig.rasen(['list']).status).toBe(0);
    const one = spawnSync(RASEND, [], {
      env: { ...env, RASEN_HOME: rig.home, RASEN_RUNTIME_DIR: runtime },
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(one.status).toBe(75);
  } finally {
    rmSync(runtime, { recursive: true });
    await other.close();
  }
});

test('two instances know nothing of each other', async () => {
  await rig.start();
  const other = new Instance();
  try {
    await other.start();
    const mine = background('sleep', '600');
    const theirs = other.rasen(['run', '--background', '--key', 'k', '--', 'sleep', '600']).stdout.trim();
    expect(other.rasen(['status', mine]).status).toBe(2);
    expect(rig.rasen(['status', theirs]).status).toBe(2);
    expect(rig.rasen(['cancel', mine, '--force']).status).toBe(0);
    await rig.kill('SIGTERM');
    expect(JSON.parse(other.rasen(['status', theirs, '--json']).stdout).status).toBe('running');
    const after = rig.rasen(['status', mine, '--json']);
    expect([after.status, JSON.parse(after.stdout).source]).toEqual([0, 'disk']);
    expect(other.rasen(['cancel', theirs, '--force']).status).toBe(0);
    expect(readdirSync(join(rig.home, 'tasks'))).toEqual([mine]);
    expect(readFileSync(join(rig.home, 'rasend.log'), 'utf8')).not.toContain(theirs);
  } finally {
    await other.close();
  }
});
