/** `rasen run -f -`: subtasks from standard input, as YAML, JSON and JSON lines. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { Instance } from '../support/instance.ts';

let rig: Instance;
beforeEach(async () => {
  rig = new Instance();
  await rig.start();
});
afterEach(() => rig.close());

const run = (input: string, ...args: string[]) => rig.rasen(['run', '-f', '-', ...args], { input });
const tasks = () => rig.call<TaskView[]>('task.list', {});
const said = () => {
  const file = join(rig.folder, 'said');
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
};
const say = (word: string) => JSON.stringify(['sh', '-c', `echo ${word} >>said`]);

test('JSON lines: commands, and subtasks with needs', async () => {
  const lines = `${say('a')}\n{"id":"last","needs":["1","3"],"run":${say('c')}}\n${say('b')}\n`;
  const ran = run(lines);
  expect([ran.status, said()]).toEqual([0, ['a', 'b', 'c']]);
  const [task] = await tasks();
  expect(task).toMatchObject({ name: 'pipeline', status: 'completed', total_subtasks: 3 });
  expect(task!.subtasks.map(({ id }) => id)).toEqual(['1', 'last', '3']);
});

test('YAML, and a file of JSON lines', () => {
  expect(run(`subtasks:\n  a: ${say('yaml')}\n`).status).toBe(0);
  writeFileSync(join(rig.folder, 'two.jsonl'), `${say('x')}\n${say('y')}\n`);
  expect(rig.rasen(['run', '-f', 'two.jsonl', '--name', 'two']).status).toBe(0);
  expect(said()).toEqual(['yaml', 'x', 'y']);
});

test('--jobs: so many at once, whatever the file says', () => {
  // Each waits for the other: one at a time they would wait for ever.
  const meet = (mine: string, other: string) =>
    JSON.stringify(['sh', '-c', `touch ${mine}; until [ -e ${other} ]; do sleep 0.02; done`]);
  expect(run(`${meet('a', 'b')}\n${meet('b', 'a')}\n`, '-j', '2').status).toBe(0);
});

test('many commands are accepted at once, in the background', async () => {
  const sent = run('["true"]\n'.repeat(60), '--background', '--name', 'many', '-j', '8');
  expect([sent.status, sent.stdout]).toEqual([0, expect.stringMatching(/^[0-9a-z]{26}\n$/)]);
  const [task, ...more] = await tasks();
  expect([task!.total_subtasks, more]).toEqual([60, []]);
  await rig.kill();
  await rig.start();
  expect(rig.rasen(['wait', 'many']).status).toBe(0);
});

test.each([
  ['["a"]\n{"run":\n', 'standard input:2:1: is not a JSON value'],
  ['', 'standard input:1:1: is empty'],
  ['\xff\n', 'has no subtasks'],
  ['subtasks: [{id: a}]', 'standard input:1:12'],
  [`# ${'x'.repeat(1024 * 1024)}`, 'More than 1 MiB of subtasks came from standard input'],
])('refused: %.20j', async (input, message) => {
  const { status, stdout, stderr } = run(input);
  expect([status, stdout]).toEqual([2, '']);
  if (!message.startsWith('has no')) expect(stderr).toContain(message);
  expect(await tasks()).toEqual([]);
});

test.each([
  [['run', '-j', '2', '--', 'true'], '--jobs is for files'],
  [['run', '-j', '2'], '--jobs is for files'],
  [['run', '-f', '-', '--', 'true'], 'exclude each other'],
  [['run', '-f', '-', '--stdin'], '--stdin is for one command'],
])('refused: %j', async (args, message) => {
  const { status, stderr } = rig.rasen(args, { input: '["true"]\n' });
  expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  expect(await tasks()).toEqual([]);
});
