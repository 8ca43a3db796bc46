/** The same order twice is one task, also when the supervisor dies between the request and its reply. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { ulid } from '../../src/util/ulid.ts';
import { commandSpec, Instance, until } from '../support/instance.ts';
import { LONG } from '../support/long.ts';
import { askOnce, RawSocket } from '../support/raw-socket.ts';

let rig: Instance;
beforeEach(async () => {
  rig = new Instance();
  await rig.start();
});
afterEach(() => rig.close());

test('a key stands for one task, over restarts, gc and different ids', async () => {
  const witness = join(rig.folder, 'witness');
  const words = ['run', '--background', '--key', 'nightly', '--', '/bin/sh', '-c', `echo ran >>${witness}`];
  const first = rig.rasen(words).stdout.trim();
  expect(rig.rasen(['wait', first]).status).toBe(0);
  expect(rig.rasen(words).stdout.trim()).toBe(first);
  await rig.kill();
  await rig.start();
  const again = rig.rasen(words);
  expect([again.stdout.trim(), again.status]).toEqual([first, 0]);
  expect(again.stderr).toContain('there already');
  const other = rig.rasen(['run', '--background', '--key', 'nightly', '--json', '--', 'false']);
  expect(other.status).toBe(5);
  expect(JSON.parse(other.stdout).error).toMatchObject({ kind: 'task_exists', data: { task: first } });
  // Another folder is another order, too.
  expect(rig.rasen(words, { cwd: '/' }).status).toBe(5);
  expect(readFileSync(witness, 'utf8')).toBe('ran\n');
  // Once it is removed the key is free again.
  expect(rig.rasen(['gc', '--older-than', '0']).status).toBe(0);
  const next = rig.rasen(words).stdout.trim();
  expect(next).not.toBe(first);
  expect(rig.rasen(['wait', next]).status).toBe(0);
  expect(readFileSync(witness, 'utf8')).toBe('ran\nran\n');
});

test('100 at once with one key are one task', async () => {
  const witness = join(rig.folder, 'witness');
  const answers = await Promise.all(
    Array.from({ length: 100 }, () =>
      askOnce(rig.socket, 'task.run', {
        spec: commandSpec(['/bin/sh', '-c', `echo ran >>${witness}`], rig.folder, { key: 'one' }),
        env: { PATH: '/bin:/usr/bin' },
      }),
    ),
  );
  const results = answers.map(a => a!.result as { created: boolean; task: TaskView });
  expect(results.filter(r => r.created).length).toBe(1);
  expect(new Set(results.map(r => r.task.id)).size).toBe(1);
  await rig.call('task.wait', { tasks: [results[0]!.task.id] });
  expect(readFileSync(witness, 'utf8')).toBe('ran\n');
  expect(readdirSync(join(rig.home, 'tasks')).length).toBe(1);
});

const KILLS = LONG ? 50 : 15;
test(`${KILLS} kills between request and reply: one task per key, run once`, {
  timeout: 400_000,
}, async () => {
  const witness = join(rig.folder, 'witness');
  writeFileSync(witness, '');
  const ids: string[] = [];
  let answered = 0;
  for (let round = 0; round < KILLS; round++) {
    const order = () => ({
      spec: commandSpec(['/bin/sh', '-c', `echo ${round} >>${witness}`], rig.folder, { key: `key-${round}` }),
      env: { PATH: '/bin:/usr/bin' },
    });
    const params = order();
    const socket = await RawSocket.open(rig.socket);
    socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'task.run', params })}\n`);
    const at = performance.now();
    const wait = Math.random() * (round % 4 === 3 ? 80 : 10);
    while (performance.now() - at < wait) await new Promise(resolve => setImmediate(resolve));
    await rig.kill();
    if (socket.lines.length > 0) answered++;
    socket.close();
    await rig.start();
    // A client that keeps its id, and one that only knows the key.
    const again = round % 2 ? params : order();
    const reply = await rig.call<{ task: TaskView }>('task.run', again);
    if (socket.lines[0]?.result)
      expect(reply.task.id).toBe((socket.lines[0].result as { task: TaskView }).task.id);
    ids.push(reply.task.id);
  }
  await rig.call('task.wait', { tasks: ids });
  const lines = readFileSync(witness, 'utf8')
    .trim()
    .split('\n')
    .map(Number)
    .sort((a, b) => a - b);
  expect(lines).toEqual(Array.from({ length: KILLS }, (_, i) => i));
  const views = await rig.call<TaskView[]>('task.list', { limit: 1000 });
  expect(views.length).toBe(KILLS);
  expect(readdirSync(join(rig.home, 'tasks')).length).toBe(KILLS);
  console.log(
    `idempotency: ${KILLS} kills (${answered} after the reply): ${views.length} tasks, each run once`,
  );
});

test('a repeated change with the same op is done once', async () => {
  const spec = commandSpec(['sleep', '600'], rig.folder);
  await rig.call('task.run', { spec, env: rig.env });
  await until(
    'it runs',
    async () => (await rig.call<TaskView>('task.get', { task: spec.id })).subtasks[0]!.attempt?.pid,
  );
  const op = ulid();
  const count = async () => {
    const { stdout } = rig.rasen(['events', spec.id, '--json']);
    return stdout
      .trim()
      .split('\n')
      .filter(line => JSON.parse(line).type === 'want_changed').length;
  };
  await Promise.all([1, 2, 3].map(() => rig.call('task.stop', { task: spec.id, op })));
  await rig.call('task.stop', { task: spec.id, op });
  expect(await count()).toBe(1);
  await rig.kill();
  await rig.start();
  await rig.call('task.stop', { task: spec.id, op });
  expect(await count()).toBe(1);
  // A late repetition of the resume must not undo a later stop.
  const resume = ulid();
  await rig.call('task.resume', { task: spec.id, op: resume });
  await rig.call('task.resume', { task: spec.id, op: resume });
  expect(await count()).toBe(2);
  await rig.call('task.cancel', { task: spec.id });
});
