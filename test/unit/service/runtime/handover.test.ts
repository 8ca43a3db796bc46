/** What a service manager hands over, and what is left of it in the environment. */
import { fstatSync } from 'node:fs';
import { expect, test } from 'vitest';
import { takeHandover } from '../../../../src/service/runtime/handover.ts';

const PID = 4711;
const take = (env: Record<string, string>) => {
  const copy = { ...env };
  return { handover: takeHandover(copy, PID), left: copy };
};
const NOTHING = {
  rpc: undefined,
  http: [],
  sdnotify: undefined,
  journal: undefined,
  notify_socket: undefined,
  watchdog_ms: undefined,
  stderr_is_journal: false,
};

test('descriptors are taken by name, in whatever order they come', () => {
  const { handover } = take({
    LISTEN_PID: '4711',
    LISTEN_FDS: '4',
    LISTEN_FDNAMES: 'journal:other:rpc:sdnotify',
  });
  expect(handover).toEqual({ ...NOTHING, journal: 3, rpc: 5, sdnotify: 6 });
});

test('the gateway has several sockets of one name', () => {
  const { handover, left } = take({ LISTEN_PID: '4711', LISTEN_FDS: '2', LISTEN_FDNAMES: 'http:http' });
  expect(handover).toEqual({ ...NOTHING, http: [3, 4] });
  expect(left).toEqual({});
});

test('nothing of it is left for children', () => {
  const env = {
    PATH: '/bin',
    LISTEN_PID: '4711',
    LISTEN_FDS: '1',
    LISTEN_FDNAMES: 'rpc',
    NOTIFY_SOCKET: '/n',
    WATCHDOG_USEC: '60000000',
    WATCHDOG_PID: '4711',
    JOURNAL_STREAM: '8:1',
  };
  const { handover, left } = take(env);
  expect(handover).toEqual({ ...NOTHING, rpc: 3, notify_socket: '/n', watchdog_ms: 60_000 });
  expect(left).toEqual({ PATH: '/bin' });
});

test.each([
  ['of another process', { LISTEN_PID: '4712', LISTEN_FDS: '1', LISTEN_FDNAMES: 'rpc' }],
  ['for nobody', { LISTEN_FDS: '1', LISTEN_FDNAMES: 'rpc' }],
  ['without a number', { LISTEN_PID: '4711', LISTEN_FDS: 'many', LISTEN_FDNAMES: 'rpc' }],
  ['without names', { LISTEN_PID: '4711', LISTEN_FDS: '1' }],
  ['more than anybody hands over', { LISTEN_PID: '4711', LISTEN_FDS: '100000', LISTEN_FDNAMES: 'rpc' }],
  ['a watchdog of another process', { WATCHDOG_USEC: '1000', WATCHDOG_PID: '4712' }],
  ['a watchdog that is off', { WATCHDOG_USEC: '0' }],
  ['nonsense for a watchdog', { WATCHDOG_USEC: '-5s' }],
])('%s: ignored, and removed all the same', (_what, env) => {
  const { handover, left } = take(env);
  expect(handover).toEqual(NOTHING);
  expect(left).toEqual({});
});

test('names beyond the count are not descriptors', () => {
  const { handover } = take({ LISTEN_PID: '4711', LISTEN_FDS: '1', LISTEN_FDNAMES: 'rpc:sdnotify' });
  expect(handover).toEqual({ ...NOTHING, rpc: 3 });
});

test('standard error is the journal only if it is the very stream that is named', () => {
  const { dev, ino } = fstatSync(2, { bigint: true });
  expect(take({ JOURNAL_STREAM: `${dev}:${ino}` }).handover.stderr_is_journal).toBe(true);
  expect(take({ JOURNAL_STREAM: `${dev}:${ino + 1n}` }).handover.stderr_is_journal).toBe(false);
});
