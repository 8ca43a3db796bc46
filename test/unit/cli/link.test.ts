/** The way to the supervisor: what is repeated, what is not, and for how long. */
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Disk, Link } from '../../../src/cli/link.ts';
import { RasenError } from '../../../src/contract/errors.ts';
import { FakeDaemon, viewWith } from '../../support/fake-daemon.ts';

let daemon: FakeDaemon;
let link: Link;
let starts = 0;
let disk: Pick<Disk, 'goesOn' | 'isOrphaned'>;
let notes: string[];
let read: () => Disk;
let start: () => Promise<void>;

beforeEach(() => {
  daemon = new FakeDaemon({ 'task.get': () => viewWith(), 'task.list': () => [] });
  starts = 0;
  start = async () => {
    starts += 1;
    await daemon.start();
  };
  const limits = {
    ...{ call_patience_ms: 200, stream_patience_ms: 200, pause_min_ms: 1, pause_max_ms: 5, grace_ms: 100 },
  };
  disk = { goesOn: () => false, isOrphaned: false };
  read = () => {
    const call = async (method: string) => (method === 'task.list' ? ['from the disk'] : viewWith());
    return { ...disk, call, stream: async () => 'from the disk' } as unknown as Disk;
  };
  notes = [];
  const note = (text: string) => notes.push(text);
  link = new Link({
    socket: daemon.paths.socket,
    start: () => start(),
    disk: read,
    adopts: true,
    note,
    howToRestart: async () => 'rasen service restart',
    limits,
  });
});
afterEach(async () => {
  link.close();
  await daemon.close();
});

test('nobody there: what is about the supervisor itself is refused at once, and nothing is started', async () => {
  await expect(link.call('daemon.status', {})).rejects.toMatchObject({
    kind: 'unreachable',
    hint: expect.stringContaining('rasen doctor'),
  });
  expect(await link.reachable()).toBe(false);
  expect(starts).toBe(0);
});

test('nobody there: what reads is answered from the disk, and what changes something starts one', async () => {
  expect(await link.call('task.list', {})).toEqual(['from the disk']);
  expect([link.isFromDisk, starts]).toEqual([true, 0]);
  daemon.methods['task.stop'] = () => viewWith({ status: 'interrupted' });
  expect(await link.call('task.stop', { task: 'x', force: false })).toMatchObject({ status: 'interrupted' });
  expect(starts).toBe(1);
});

test('work without an owner gets one by a command that only reads', async () => {
  disk = { goesOn: () => true, isOrphaned: true };
  expect(await link.call('task.list', {})).toEqual([]);
  expect([link.isFromDisk, starts]).toEqual([false, 1]);
});

test('one that cannot be started: what reads is answered from the disk all the same, and says why', async () => {
  disk = { goesOn: () => true, isOrphaned: true };
  start = async () => {
    throw new RasenError('spawn', 'it died');
  };
  expect(await link.call('task.list', {})).toEqual(['from the disk']);
  expect(notes).toEqual(['it died']);
});

test('what follows starts one as long as something goes on, and else ends with what the disk says', async () => {
  const follow = (settled: (disk: Disk) => Promise<string | undefined>) =>
    link.persist<string>(client => client.call('task.get', { task: 'x' }).then(view => view.name), {
      settled,
    });
  const over = async (now: Disk) => (now.goesOn() ? undefined : 'over');
  expect(await follow(over)).toBe('over');
  expect(starts).toBe(0);
  disk = { goesOn: () => true, isOrphaned: false };
  expect(await follow(over)).toBe('auth');
  expect(starts).toBe(1);
  await daemon.crash();
  expect(await follow(over)).toBe('auth');
  expect(starts).toBe(2);
  await daemon.crash();
  start = async () => {
    throw new RasenError('spawn', 'it died');
  };
  await expect(follow(over)).rejects.toMatchObject({
    kind: 'unreachable',
    message: expect.stringContaining('it died'),
  });
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
  await expect(link.call('daemon.status', {})).rejects.toMatchObject({
    kind: 'unreachable',
    message: expect.stringContaining('did not come back'),
  });
  expect(await link.call('task.list', {})).toEqual(['from the disk']);
});

test('two that lost the connection together share the next', async () => {
  await daemon.start();
  await link.call('task.list', {});
  await daemon.crash();
  const both = Promise.all([link.call('task.list', {}), link.call('task.get', { task: 'x' })]);
  await daemon.start();
  expect(await both).toMatchObject([[], { name: 'auth' }]);
});

test('a queue behind which nobody comes: the service manager is asked, and its reason is told as it is', async () => {
  const queue = createServer(() => {});
  mkdirSync(dirname(daemon.paths.socket), { recursive: true, mode: 0o700 });
  const umask = process.umask(0o177);
  await new Promise<void>(resolve => queue.listen(daemon.paths.socket, resolve));
  process.umask(umask);
  let asked = 0;
  const whySilent = async () => {
    asked += 1;
    return asked === 1 ? null : new RasenError('service', 'rasend does not start: the disk is on fire.');
  };
  const waiting = new Link({
    socket: daemon.paths.socket,
    start: () => start(),
    disk: read,
    adopts: true,
    note: text => notes.push(text),
    howToRestart: async () => 'rasen service restart',
    whySilent,
    limits: { silence_ms: 5 },
  });
  try {
    await expect(waiting.call('task.stop', { task: 'x' })).rejects.toMatchObject({
      kind: 'service',
      message: 'rasend does not start: the disk is on fire.',
    });
    expect(asked).toBe(2);
    expect(await waiting.call('task.list', {})).toEqual(['from the disk']);
    expect(notes).toEqual(['rasend does not start: the disk is on fire.']);
  } finally {
    waiting.close();
    queue.close();
  }
});
