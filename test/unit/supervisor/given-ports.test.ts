/** Ports for services that take any. */
import { expect, test } from 'vitest';
import type { TaskState } from '../../../src/engine/state.ts';
import { GivenPorts } from '../../../src/supervisor/given-ports.ts';

/** The first one from 1 on: nobody listens anywhere yet. */
const find = async (_name: string, taken: ReadonlySet<number>) =>
  [1, 2, 3, 4].find(p => !taken.has(p)) ?? null;

const task = (id: string, port: number | null = null) =>
  ({
    id,
    steps: port === null ? [] : [{ kind: 'service', id: 'web', service: { port } }],
  }) as unknown as TaskState;
const wish = (id: string, for_merge = false) => ({ name: 'same', task: id, service: 'web', for_merge });

test('two that ask at the same time are given two, and each the same again', async () => {
  const ports = new GivenPorts(() => [task('a'), task('b')], find);
  expect(await Promise.all([ports.give(wish('a')), ports.give(wish('b'))])).toEqual([1, 2]);
  expect(await ports.give(wish('b'))).toBe(2);
});

test('what a task that rests holds is not given away; what one that is over held, is', async () => {
  let open = [task('a', 1), task('b')];
  const ports = new GivenPorts(() => open, find);
  expect(await ports.give(wish('b'))).toBe(2);
  open = [task('c')];
  expect(await ports.give(wish('c'))).toBe(1);
});

test('a merge holds its own, although its task is over, until they are released', async () => {
  const ports = new GivenPorts(() => [task('b')], find);
  expect([await ports.give(wish('a', true)), await ports.give(wish('b'))]).toEqual([1, 2]);
  ports.release('a');
  expect(await ports.give(wish('c', true))).toBe(1);
});
