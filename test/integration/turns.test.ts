/** Which task goes first: those that come after others, groups with so many places, priorities; through kills of the supervisor. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EXIT } from '../../src/contract/errors.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { Instance, until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';

const project = projects();

let rig: Instance;
beforeEach(() => {
  rig = new Instance();
});
afterEach(() => rig.close());

const at = (name: string) => join(rig.folder, name);
const go = (name: string) => writeFileSync(at(`go-${name}`), '');
const said = () =>
  existsSync(at('said')) ? readFileSync(at('said'), 'utf8').trimEnd().split('\n') : ([] as string[]);

/** A task that says when it begins and ends, and waits in between; it fails where a file says so. Gives its id. */
async function start(name: string, ...flags: string[]): Promise<string> {
  const script = `echo "+${name}" >>said; until [ -e go-${name} ]; do sleep 0.02; done; echo "-${name}" >>said; test ! -e fail-${name}`;
  const args = ['run', '--background', '--name', name, ...flags, '--', 'sh', '-c', script];
  const { status, stdout, stderr } = await rig.rasenAsync(args);
  expect([status, stderr]).toEqual([0, expect.stringContaining('runs in the background')]);
  return stdout.trim();
}

const view = (task: string) => rig.call<TaskView>('task.get', { task });
const becomes = (task: string, status: string) =>
  until(`${task} is ${status}`, async () => ((await view(task)).status === status ? true : null));

async function restart(): Promise<void> {
  await rig.kill();
  await rig.start();
}

test('after two tasks: begins when both are completed, also under the next supervisor', async () => {
  await rig.start();
  const lint = await start('lint');
  const build = await start('build');
  const deploy = await start('deploy', '--after', 'lint', '--after', build);
  const waits = await view(deploy);
  expect([waits.status, waits.why, waits.resume_at]).toEqual(['waiting', 'after', null]);
  expect(waits.after).toEqual([lint, build]);
  expect(waits.reason).toBe(`it comes after lint (${lint}), build (${build})`);
  expect(rig.rasen(['list']).stdout).toMatch(/waiting \(after\)/);
  go('deploy');
  go('lint');
  await becomes('lint', 'completed');
  await until('one is left', async () => (await view(deploy)).reason === `it comes after build (${build})`);
  await restart();
  expect((await view(deploy)).status).toBe('waiting');
  go('build');
  expect((await rig.rasenAsync(['wait', 'deploy'])).status).toBe(0);
  expect(said()).toEqual(['+lint', '+build', '-lint', '-build', '+deploy', '-deploy']);
});

test('after one that fails: blocked, and it goes on by itself when that is done again', async () => {
  await rig.start();
  const build = await start('build');
  const deploy = await start('deploy', '--after', 'build');
  writeFileSync(at('fail-build'), '');
  go('build');
  go('deploy');
  const waited = await rig.rasenAsync(['wait', 'deploy']);
  expect([waited.status, waited.stderr]).toEqual([
    EXIT.blocked,
    expect.stringContaining(
      `it comes after build (${build}), which failed; it begins once that is completed: rasen retry --task ${build}`,
    ),
  ]);
  // Asked to go on, it says the same.
  await rig.rasenAsync(['resume', '--background', 'deploy']);
  await becomes('deploy', 'blocked');
  await restart();
  expect((await view(deploy)).status).toBe('blocked');
  expect(said()).toEqual(['+build', '-build']);
  writeFileSync(at('said'), '');
  rmSync(at('fail-build'));
  expect((await rig.rasenAsync(['retry', '--task', build])).status).toBe(0);
  await becomes('deploy', 'completed');
  expect(said().filter(line => line !== '')).toEqual(['+build', '-build', '+deploy', '-deploy']);
});

test('after one that is cancelled: blocked; cancelled itself, nothing of it has run', async () => {
  await rig.start();
  const build = await start('build');
  const deploy = await start('deploy', '--after', build);
  expect((await rig.rasenAsync(['cancel', 'build'])).status).toBe(0);
  await becomes('deploy', 'blocked');
  expect((await view(deploy)).reason).toContain(
    `which was cancelled; it cannot begin: rasen cancel ${deploy}`,
  );
  expect((await rig.rasenAsync(['cancel', 'deploy'])).status).toBe(0);
  expect(said()).toEqual(['+build']);
});

test('a group: one at a time, higher priority first, through kills; a stop gives the place to the next', async () => {
  await rig.start();
  const first = await start('first', '--group', 'gpu');
  const low = await start('low', '--group', 'gpu', '--priority', '-5');
  const plain = await start('plain', '--group', 'gpu');
  const high = await start('high', '--group', 'gpu', '--priority', '5');
  const other = await start('other', '--group', 'cpu');
  await until('those that may have begun', () => said().length === 2);
  for (const task of [low, plain, high])
    expect(await view(task)).toMatchObject({
      status: 'waiting',
      why: 'group',
      reason: 'group gpu runs one task at a time',
    });
  const text = rig.rasen(['status', 'high']).stdout;
  expect(text).toMatch(/^Group: gpu$/m);
  expect(text).toMatch(/^Priority: 5$/m);
  await restart();
  go('first');
  await becomes(high, 'running');
  await restart();
  await rig.rasenAsync(['stop', 'high']);
  await becomes(plain, 'running');
  await rig.rasenAsync(['resume', '--background', 'high']);
  expect((await view(high)).why).toBe('group');
  for (const name of ['low', 'plain', 'high', 'other']) go(name);
  for (const task of [first, low, plain, high, other]) await becomes(task, 'completed');
  const order = said().filter(line => line.startsWith('-') && line !== '-other');
  expect(order).toEqual(['-first', '-plain', '-high', '-low']);
});

test('room for one job: the task of higher priority gets it, whichever came first', async () => {
  mkdirSync(rig.home, { mode: 0o700 });
  writeFileSync(join(rig.home, 'rasend.yml'), 'max_live_jobs: 1\n');
  await rig.start();
  const first = await start('first');
  await until('it has begun', () => said().length === 1);
  const tasks = [first, await start('low', '--priority', '-1'), await start('high', '--priority', '1')];
  for (const name of ['low', 'high', 'first']) go(name);
  for (const task of tasks) await becomes(task, 'completed');
  expect(said()).toEqual(['+first', '-first', '+high', '-high', '+low', '-low']);
});

test('a file of subtasks and the runs of a trigger have a group, too', async () => {
  await rig.start();
  const first = await start('first', '--group', 'gpu');
  await until('it has begun', () => said().length === 1);
  writeFileSync(at('pipeline.yml'), 'subtasks: [{id: a, run: ["true"]}]\n');
  const flags = ['--group', 'gpu', '--priority', '2'];
  expect(rig.rasen(['run', '--background', '--name', 'file', ...flags, '-f', 'pipeline.yml']).status).toBe(0);
  // Its first run begins at once.
  expect(rig.rasen(['run', '--every', '1h', '--name', 'check', ...flags, '--', 'true']).status).toBe(0);
  const held = await until('both wait', async () => {
    const views = await rig.call<TaskView[]>('task.list', { limit: 10 });
    const found = views.filter(({ why }) => why === 'group');
    return found.length === 2 ? found : null;
  });
  expect(held.map(({ group, priority }) => [group, priority])).toEqual([
    ['gpu', 2],
    ['gpu', 2],
  ]);
  go('first');
  for (const { id } of [{ id: first }, ...held]) await becomes(id, 'completed');
});

test('groups of rasend.yml: so many at a time, read again on SIGHUP', async () => {
  mkdirSync(rig.home, { mode: 0o700 });
  writeFileSync(join(rig.home, 'rasend.yml'), 'groups: {build: 2}\n');
  await rig.start();
  const tasks = [];
  for (const name of ['a', 'b', 'c', 'd']) tasks.push(await start(name, '--group', 'build'));
  await until('two have begun', () => said().length === 2);
  expect((await view(tasks[2]!)).reason).toBe('group build runs 2 tasks at a time');
  writeFileSync(join(rig.home, 'rasend.yml'), 'groups: {build: 3}\n');
  rig.daemon!.kill('SIGHUP');
  await until('three have begun', () => said().length === 3);
  expect((await view(tasks[3]!)).status).toBe('waiting');
  for (const name of ['a', 'b', 'c', 'd']) go(name);
  for (const task of tasks) await becomes(task, 'completed');
});

test.each([
  ['a task that is not there', ['--after', 'nosuch'], 'nosuch'],
  ['a group that is no name', ['--group', 'a b'], '--group: "a b" is not a name'],
  ['a priority that is none', ['--priority', 'high'], '--priority: "high" is not a whole number'],
  ['a trigger after a task', ['--every', '5m', '--after', 'x'], '--after does not go with a trigger'],
])('%s: refused, and nothing was accepted', async (_what, flags, words) => {
  await rig.start();
  const { status, stderr } = rig.rasen(['run', ...flags, '--', 'true']);
  expect([status, stderr]).toEqual([expect.any(Number), expect.stringContaining(words)]);
  expect(status).not.toBe(0);
  expect(rig.rasen(['list']).stdout).toBe('No tasks yet.\n');
});

test.each([
  ['by rasen.yml', { group: 'db', priority: 5 }, [], 'db'],
  ['by rasen run, which is stronger', { group: 'none-of-it' }, ['--group', 'db'], 'db'],
])('a project waits for its group, %s', async (_how, config, flags, group) => {
  const p = project({ config });
  const gate = p.beside('go');
  const holds = ['run', '--background', '--group', group, '--name', 'holds'];
  await p.ok(...holds, '--', 'sh', '-c', `until [ -e ${gate} ]; do sleep 0.02; done`);
  await p.init([{ id: 'a', run: ['true'] }]);
  await p.ok('run', '--background', ...flags);
  const waits = await p.seen('it waits', ({ status }) => status === 'waiting');
  expect([waits.why, waits.reason]).toEqual(['group', expect.stringContaining(group)]);
  expect(await p.ok('status')).toContain('waiting');
  writeFileSync(gate, '');
  await p.seen('it is done', ({ status }) => status === 'completed');
});
