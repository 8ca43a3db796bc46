/** Fed only by a process that can work. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { askPatience } from '../../../../src/service/runtime/patience.ts';
import { feedWatchdog } from '../../../../src/service/runtime/watchdog.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A thread pool that gives its work back when it is told to. */
function pool() {
  const waiting: PromiseWithResolvers<void>[] = [];
  return {
    waiting,
    roundTrip: () => {
      const one = Promise.withResolvers<void>();
      waiting.push(one);
      return one.promise;
    },
  };
}

test('three pings in the time that it has', async () => {
  const ping = vi.fn();
  const stop = feedWatchdog({ limit_ms: 60_000, ping, roundTrip: async () => {} });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ping).toHaveBeenCalledTimes(3);
  stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ping).toHaveBeenCalledTimes(3);
});

test('a thread pool that does not give its work back stops them, and gets no more work meanwhile', async () => {
  const ping = vi.fn();
  const { waiting, roundTrip } = pool();
  feedWatchdog({ limit_ms: 3000, ping, roundTrip });
  await vi.advanceTimersByTimeAsync(1000);
  waiting[0]!.resolve();
  await vi.advanceTimersByTimeAsync(0);
  expect(ping).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(ping).toHaveBeenCalledTimes(1);
  expect(waiting).toHaveLength(2);
  waiting[1]!.resolve();
  await vi.advanceTimersByTimeAsync(0);
  expect(ping, 'it works again before it was killed').toHaveBeenCalledTimes(2);
});

test('a round trip that fails is no sign of life, but the next one may be', async () => {
  const ping = vi.fn();
  const { waiting, roundTrip } = pool();
  feedWatchdog({ limit_ms: 3000, ping, roundTrip });
  await vi.advanceTimersByTimeAsync(1000);
  waiting[0]!.reject(new Error('no entropy'));
  await vi.advanceTimersByTimeAsync(1000);
  expect(ping).not.toHaveBeenCalled();
  waiting[1]!.resolve();
  await vi.advanceTimersByTimeAsync(0);
  expect(ping).toHaveBeenCalledTimes(1);
});

test('the real thread pool answers', async () => {
  vi.useRealTimers();
  let stop = () => {};
  await new Promise<void>(ping => {
    stop = feedWatchdog({ limit_ms: 3, ping });
  });
  stop();
});

test('more time is asked for while something takes long, but not for ever', async () => {
  const extend = vi.fn();
  const done = askPatience({ extend, max_ms: 30_000 });
  await vi.advanceTimersByTimeAsync(4000);
  expect(extend, 'nothing for what is quick').not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(6000);
  expect(extend.mock.calls).toEqual([[20_000], [20_000]]);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(extend).toHaveBeenCalledTimes(6);
  done();

  const quick = askPatience({ extend });
  quick();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(extend).toHaveBeenCalledTimes(6);
});
