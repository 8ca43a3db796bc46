/** The way to the supervisor: what is repeated, what is not, and for how long. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Link } from '../../../src/cli/link.ts';
import { RasenError } from '../../../src/errors.ts';
import { FakeDaemon, viewWith } from '../../support/fake-daemon.ts';

let daemon: FakeDaemon;
let link: Link;
let starts = 0;
let start: () => Promise<void>;

beforeEach(() => {
  daemon = new FakeDaemon({ 'task.get': () => viewWith(), 'task.list': () => [] });
  starts = 0;
  start = async () => {
    starts += 1;
    await daemon.start();
  };
  const limits = { call_patience_ms: 200, stream_patience_ms: 200, pause_min_ms: 1, pause_max_ms: 5 };
  link = new Link({ socket: daemon.paths.socket, start: () => start(), limits });
});
afterEach(async () => {
  link.close();
  await daemon.close();
});

test('nobody there: refused at once, with a hint, and nothing is started', async () => {
  await expect(link.call('task.list', {})).rejects.toMatchObject({
    kind: 'unreachable',
    hint: expect.stringContaining('rasen run'),
  });
  expect(await link.reachable()).toBe(false);
  expect(starts).toBe(0);
});

test('one is started where that is wanted, once', async () => {
  const call = () => link.persist(client => client.call('task.list', {}), { starts: true });
  expect(await Promise.all([call(), call()])).toEqual([[], []]);
  expect(starts).toBe(1);
});

test('a start that fails is told as it is', async () => {
  start = async () => {
    throw new RasenError('spawn', 'it died');
  };
  await expect(link.persist(client => client.call('task.list', {}), { starts: true })).rejects.toMatchObject({
    kind: 'spawn',
  });
});

test('a lost answer is asked for again on a new connection', async () => {
  await daemon.start();
  let tries = 0;
  daemon.methods['task.get'] = async () => {
    tries += 1;
    if (tries === 1) {
      await daemon.crash();
      await daemon.start();
    }
    return viewWith();
  };
  expect(await link.call('task.get', { task: 'x' })).toMatchObject({ name: 'auth' });
  expect(tries).toBe(2);
});

test('a refusal is not repeated', async () => {
  let tries = 0;
  daemon.methods['task.get'] = () => {
    tries += 1;
    throw new RasenError('task_unknown', 'no');
  };
  await daemon.start();
  await expect(link.call('task.get', { task: 'x' })).rejects.toMatchObject({ kind: 'task_unknown' });
  expect(tries).toBe(1);
});

test('one that does not come back is waited for no longer than the patience', async () => {
  await daemon.start();
  await link.call('task.list', {});
  await daemon.crash();
  await expect(link.call('task.list', {})).rejects.toMatchObject({
    kind: 'unreachable',
    message: expect.stringContaining('did not come back'),
  });
});

test('two that lost the connection together share the next', async () => {
  await daemon.start();
  await link.call('task.list', {});
  await daemon.crash();
  const both = Promise.all([link.call('task.list', {}), link.call('task.get', { task: 'x' })]);
  await daemon.start();
  expect(await both).toMatchObject([[], { name: 'auth' }]);
});
