/** `rasen each`: many items as one task, through kills of the supervisor and of the command, and with every wrong input. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { Instance, RASEN, until } from '../support/instance.ts';

let rig: Instance;
beforeEach(async () => {
  rig = new Instance();
  await rig.start();
});
afterEach(() => rig.close());

const at = (name: string) => join(rig.folder, name);
const go = (name: string) => writeFileSync(at(`go-${name}`), '');
const said = () => (existsSync(at('said')) ? readFileSync(at('said'), 'utf8').trimEnd().split('\n') : []);
const tasks = () => rig.call<TaskView[]>('task.list', {});
const view = (task: string) => rig.call<TaskView>('task.get', { task });

/** Says that it runs, waits for its file, and ends with the status that is in it, or 0. */
const WAITING = [
  'sh',
  '-c',
  'echo "+$1" >>said; until [ -e go-$1 ]; do sleep 0.02; done; echo "out $1"; echo "-$1" >>said; exit $(cat go-$1)',
  'sh',
  '{}',
];

/** The command as a process that goes on. */
function start(...args: string[]) {
  const child: ChildProcess = spawn(RASEN, ['each', ...args], {
    cwd: rig.folder,
    env: rig.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]!.setEncoding('utf8').on('data', text => {
      texts[name] += text;
    });
  const ended = new Promise<number | null>(resolve => child.once('close', resolve));
  return { child, texts, ended };
}

const begun = (...names: string[]) =>
  until(`${names} run`, () => names.every(name => said().includes(`+${name}`)));

test('items behind ":::": outputs in order, no shell, one task', async () => {
  const items = ['a b', '', "it's", '$HOME', '{}', '-n', '--', '*'];
  const ran = rig.rasen(['each', '-k', '-j', '3', '--', 'printf', '[%s]', '{}', ':::', ...items]);
  expect([ran.status, ran.stdout]).toEqual([0, items.map(item => `[${item}]`).join('')]);
  expect(ran.stderr).toMatch(/^rasen: task [0-9a-z]{26}\n$/);
  const [task, ...others] = await tasks();
  expect(others).toEqual([]);
  expect(task).toMatchObject({ status: 'completed', name: "printf '[%s]' {}", completed_subtasks: 8 });
  expect(task!.subtasks.map(({ id }) => id)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
  expect(rig.rasen(['logs', task!.id, '--subtask', '3']).stdout).toBe("[it's]");
});

test('items from standard input and from a file, of any bytes', () => {
  const echo = ['--', 'printf', '%s|', '{}'];
  expect(rig.rasen(['each', '-k', ...echo], { input: 'a\n\nb c\nlast' }).stdout).toBe('a||b c|last|');
  expect(rig.rasen(['each', '-k', '-0', ...echo], { input: 'a\nb\0\0c\0' }).stdout).toBe('a\nb||c|');
  writeFileSync(at('list'), 'x\ny\n');
  expect(rig.rasen(['each', '-k', '--arg-file', 'list', ...echo], { input: 'not read' }).stdout).toBe('x|y|');
  expect(rig.rasen(['each', '-k', '-a', '-', ...echo], { input: 'z\n' }).stdout).toBe('z|');
  const odd = rig.rasen(['each', '--', 'sh', '-c', 'printf %s "$1" | od -An -tx1', 'sh', '{}'], {
    input: Buffer.from('caf\xe9\n', 'latin1'),
  });
  expect(odd.stdout.trim()).toBe('63 61 66 e9');
});

test('the commands have the limits of this shell', () => {
  const script = 'ulimit -Sn 300; exec "$0" each -- sh -c "ulimit -Sn" ::: x';
  const ran = spawnSync('sh', ['-c', script, RASEN], { cwd: rig.folder, env: rig.env, encoding: 'utf8' });
  expect([ran.status, ran.stdout]).toEqual([0, '300\n']);
});

test('with a shell an item is one word; without a command it is the line', () => {
  const quoted = rig.rasen(['each', '-k', '--shell', '--', 'echo {} | tr a-z A-Z', ':::', "it's", 'x; y']);
  expect(quoted.stdout).toBe("IT'S\nX; Y\n");
  const lines = rig.rasen(['each', '-k', '--shell'], { input: 'echo $((1 + 1))\nexit 4\n' });
  expect([lines.status, lines.stdout]).toEqual([1, '2\n']);
  expect(lines.stderr).toContain('1 of 2 failed: 2 "exit 4" (exit code 4)');
});

test('--dry-run starts nothing', async () => {
  const words = rig.rasen(['each', '--dry-run', '--', 'mv', '{}', '{.}.bak', ':::', 'a b.c', 'd']);
  expect([words.status, words.stdout]).toEqual([0, "mv 'a b.c' 'a b.bak'\nmv d d.bak\n"]);
  const json = rig.rasen(['each', '--dry-run', '--json', '--shell', '--', 'wc <{}', ':::', 'a b']);
  expect(JSON.parse(json.stdout)).toEqual([['/bin/sh', '-c', "wc <'a b'"]]);
  expect(await tasks()).toEqual([]);
});

test('an output is shown whole when its command is over, or in its turn', async () => {
  for (const [flags, shown] of [
    [[], ['out b\n', 'out b\nout a\n']],
    [['-k'], ['', 'out a\nout b\n']],
  ] as const) {
    for (const name of ['a', 'b']) writeFileSync(at(`go-${name}.not`), '');
    const running = start(...flags, '-j', '2', '--', ...WAITING, ':::', `a${flags}`, `b${flags}`);
    const [a, b] = [`a${flags}`, `b${flags}`];
    await begun(a, b);
    go(b);
    const id = /task ([0-9a-z]{26})/.exec(running.texts.stderr)![1]!;
    await until('b is over', async () => (await view(id)).completed_subtasks === 1);
    const expected = shown.map(text => text.replace('out a', `out ${a}`).replace('out b', `out ${b}`));
    await until('what is over is shown', () => running.texts.stdout === expected[0]);
    go(a);
    expect(await running.ended).toBe(0);
    expect(running.texts.stdout).toBe(expected[1]);
  }
});

test('no more than so many run at once', async () => {
  const running = start('-j', '2', '--', ...WAITING, ':::', 'a', 'b', 'c');
  await begun('a', 'b');
  go('a');
  await begun('c');
  // c began when a was over, and not before.
  expect(said().indexOf('-a')).toBeLessThan(said().indexOf('+c'));
  for (const name of ['b', 'c']) go(name);
  expect(await running.ended).toBe(0);
});

test('what fails is counted, named and done again by retry, and nothing else is', async () => {
  const script = 'echo "$1" >>said; test -e "ok-$1"';
  writeFileSync(at('ok-b'), '');
  const ran = rig.rasen([
    'each',
    '-j1',
    '--name',
    'three',
    '--',
    'sh',
    '-c',
    script,
    'sh',
    '{}',
    ':::',
    ...'abc',
  ]);
  expect(ran.status).toBe(2);
  expect(ran.stderr).toContain('2 of 3 failed: 1 "a" (exit code 1), 3 "c" (exit code 1)\n');
  const again = /Do them again with: rasen (.*)\n/.exec(ran.stderr)![1]!;
  for (const name of 'ac') writeFileSync(at(`ok-${name}`), '');
  expect(rig.rasen(again.split(' ')).status).toBe(0);
  expect(rig.rasen(['wait', 'three']).status).toBe(0);
  expect(said()).toEqual(['a', 'b', 'c', 'a', 'c']);
});

test('--halt: nothing new begins after a failure, and its status is ours; --retries tries again', () => {
  const script = 'echo "$1" >>said; exit "$1"';
  const ran = rig.rasen([
    'each',
    '-j1',
    '--halt',
    'soon,fail=1',
    '--',
    'sh',
    '-c',
    script,
    'sh',
    ':::',
    '0',
    '7',
    '5',
  ]);
  expect([ran.status, said()]).toEqual([7, ['0', '7']]);
  expect(ran.stderr).toContain('1 of 3 failed: 2 "7" (exit code 7); 1 did not begin');
  const twice = 'echo "try"; test -e there || { touch there; exit 1; }';
  const retried = rig.rasen(['each', '--retries', '2', '--', 'sh', '-c', twice, ':::', 'x']);
  expect([retried.status, retried.stdout]).toEqual([0, 'try\n']);
  const slow = rig.rasen(['each', '--timeout', '0.2s', '--', 'sleep', ':::', '60']);
  expect([slow.status, slow.stderr]).toEqual([1, expect.stringContaining('1 of 1 failed')]);
});

test('thousands are one task; too many are refused', async () => {
  const items = (n: number) => Array.from({ length: n }, (_, i) => `${i}\n`).join('');
  const many = rig.rasen(['each', '-j1', '--halt', '1', '--', 'false'], { input: items(3000) });
  expect([many.status, many.stderr]).toEqual([
    1,
    expect.stringContaining('1 of 3000 failed: 1 "0" (exit code 1); 2999 did not begin'),
  ]);
  const more = rig.rasen(['each', '-j1', '--halt', '1', '--', 'false'], { input: items(3000) });
  expect(more.status).toBe(1);
  // A list of them fits an answer.
  expect((await tasks()).map(task => [task.total_subtasks, task.subtasks.length])).toEqual([
    [3000, 3000],
    [3000, 0],
  ]);
  const refused = rig.rasen(['each', '--', 'false'], { input: items(10_001) });
  expect([refused.status, refused.stderr]).toEqual([
    255,
    expect.stringContaining('There are 10001 items, and one task takes at most 10000. Nothing was started.'),
  ]);
  expect(await tasks()).toHaveLength(2);
});

test('a supervisor that is killed in the middle: each item is done once, and the command tells all of it', async () => {
  const running = start('-k', '-j', '2', '--', ...WAITING, ':::', 'a', 'b', 'c', 'd');
  await begun('a', 'b');
  await rig.kill();
  // While nobody looks one of them ends, and another one fails.
  writeFileSync(at('go-a'), '');
  writeFileSync(at('go-b'), '3');
  await until('both are over', () => said().includes('-a') && said().includes('-b'));
  await rig.start();
  await begun('c', 'd');
  await rig.kill();
  await rig.start();
  for (const name of ['c', 'd']) go(name);
  expect(await running.ended).toBe(1);
  expect(running.texts.stdout).toBe('out a\nout b\nout c\nout d\n');
  expect(running.texts.stderr).toContain('1 of 4 failed: 2 "b" (exit code 3)');
  expect(said().toSorted()).toEqual(['+a', '+b', '+c', '+d', '-a', '-b', '-c', '-d']);
});

test('a signal stops the task, and it can be gone on with; a command that is killed changes nothing', async () => {
  const stopped = start('-j', '2', '--', ...WAITING, ':::', 'a', 'b', 'c');
  await begun('a', 'b');
  go('a');
  await begun('c');
  stopped.child.kill('SIGINT');
  expect(await stopped.ended).toBe(130);
  expect(stopped.texts.stderr).toContain('interrupted');
  const id = /task ([0-9a-z]{26})/.exec(stopped.texts.stderr)![1]!;
  expect(stopped.texts.stderr).toContain(`rasen resume ${id}`);
  for (const name of ['b', 'c']) go(name);
  expect(rig.rasen(['resume', id]).status).toBe(0);
  expect(said().filter(line => line === '+a')).toHaveLength(1);

  const killed = start('--', ...WAITING, ':::', 'd');
  await begun('d');
  killed.child.kill('SIGKILL');
  await killed.ended;
  go('d');
  const last = (await tasks())[0]!.id;
  expect(rig.rasen(['wait', last]).status).toBe(0);
});

test('in the background: the id; a key makes it the same task; the answer as JSON', async () => {
  const args = ['each', '--background', '--key', 'k', '--name', 'n', '--', 'true', '{}', ':::', 'a', 'b'];
  const first = rig.rasen(args);
  expect([first.status, first.stdout]).toEqual([0, expect.stringMatching(/^[0-9a-z]{26}\n$/)]);
  expect(rig.rasen(args)).toMatchObject({ status: 0, stdout: first.stdout });
  const other = rig.rasen([...args, 'c']);
  expect([other.status, other.stdout]).toEqual([255, '']);
  expect(rig.rasen(['wait', 'n']).status).toBe(0);
  const json = rig.rasen(['each', '--json', '--', 'echo', ':::', 'x']);
  expect(JSON.parse(json.stdout)).toMatchObject({ status: 'completed', completed_subtasks: 1 });
  expect(json.stderr).toContain('x\n');
});

test.each([
  [['each'], 'There is no command behind "--"'],
  [['each', '--', ':::', 'a'], 'There is no command behind "--"'],
  [['each', 'gzip', '--', 'gzip', ':::', 'a'], '"gzip" is not expected here.'],
  [['each', '--', 'no-such-program', ':::', 'a'], 'There is no program "no-such-program" on PATH'],
  [['each', '--', '{}', ':::', 'true', 'no-such-program'], 'There is no program "no-such-program" on PATH'],
  [['each', '-j', '65', '--', 'true', ':::', 'a'], '--jobs: "65" is not a number'],
  [['each', '--halt', 'now,fail=1', '--', 'true', ':::', 'a'], '--halt: "now,fail=1" is neither'],
  [['each', '--retries', '101', '--', 'true', ':::', 'a'], '--retries: at most 100'],
  [['each', '--retry', '--', 'true', ':::', 'a'], '--retry is for orders with a key'],
  [['each', '-0', '--', 'true', ':::', 'a'], '--null is for items that are read'],
  [['each', '-a', 'x', '--', 'true', ':::', 'a'], 'exclude each other'],
  [['each', '-a', 'not-there', '--', 'true'], 'The items cannot be read from "not-there"'],
  [['each', '-a', '.', '--', 'true'], 'The items cannot be read from "."'],
  [['each', '--', 'true', ':::', 'a', ':::', 'b'], '":::" is not possible here'],
  [['each', '--', 'true'], 'Item 1 has a NUL in it', 'a\0b\n'],
  [['each', '--no-such-option', '--', 'true', ':::', 'a'], "unknown option '--no-such-option'"],
])('refused with 255, and nothing was started: %j', async (args, message, input = 'a\n') => {
  const { status, stdout, stderr } = rig.rasen(args as string[], { input: input as string });
  expect([status, stdout, stderr]).toEqual([255, '', expect.stringContaining(message as string)]);
  expect(await tasks()).toEqual([]);
});

test('no items: nothing to do is no error', async () => {
  for (const args of [
    ['each', '--', 'false'],
    ['each', '--', 'false', ':::'],
  ]) {
    const { status, stdout, stderr } = rig.rasen(args);
    expect([status, stdout, stderr]).toEqual([0, '', 'rasen: there are no items; nothing was started\n']);
  }
  expect(rig.rasen(['each', '--json', '--', 'false']).stdout).toBe('null\n');
  expect(await tasks()).toEqual([]);
});
