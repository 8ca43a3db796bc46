/** The status line follows the tasks, but not faster than somebody could read it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { StatusLine } from '../../../../src/service/runtime/status-line.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function line() {
  const counts = { running: 0, waiting: 0, blocked: 0 };
  const said: string[] = [];
  const status = new StatusLine({ counts: () => counts, say: text => said.push(text) });
  return { counts, said, status };
}

test('said at once, then at most once a second, with what is true then', () => {
  const { counts, said, status } = line();
  status.update();
  expect(said).toEqual(['0 running, 0 waiting, 0 blocked']);
  for (let n = 1; n <= 3; n++) {
    counts.running = n;
    status.update();
    vi.advanceTimersByTime(300);
  }
  expect(said).toHaveLength(1);
  counts.blocked = 1;
  vi.advanceTimersByTime(100);
  expect(said).toEqual(['0 running, 0 waiting, 0 blocked', '3 running, 0 waiting, 1 blocked']);
  counts.waiting = 1;
  vi.advanceTimersByTime(5000);
  status.update();
  expect(said.at(-1)).toBe('3 running, 1 waiting, 1 blocked');
});

test('the same line is not said again', () => {
  const { said, status } = line();
  for (let n = 0; n < 5; n++) {
    status.update();
    vi.advanceTimersByTime(2000);
  }
  expect(said).toHaveLength(1);
});

test('a problem stays in it until it is solved', () => {
  const { counts, said, status } = line();
  status.problem('settings not used');
  vi.advanceTimersByTime(1000);
  counts.running = 2;
  status.update();
  vi.advanceTimersByTime(1000);
  status.problem(null);
  vi.advanceTimersByTime(1000);
  expect(said).toEqual([
    '0 running, 0 waiting, 0 blocked; settings not used',
    '2 running, 0 waiting, 0 blocked; settings not used',
    '2 running, 0 waiting, 0 blocked',
  ]);
});
