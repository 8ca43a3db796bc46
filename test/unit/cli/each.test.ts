/** `rasen each` before and after its task: which items there are, what is shown of them, and how it ends. */
import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { jobsOf, splitItems, splitWords } from '../../../src/cli/each-items.ts';
import { eachExit } from '../../../src/cli/each-run.ts';
import { GroupedOutput } from '../../../src/cli/grouped-output.ts';
import type { LogRecord, TaskView } from '../../../src/index.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');

test('items are lines, and empty ones count', () => {
  expect(splitItems(bytes('a\n\n b \nlast'), false)).toEqual(['a', '', ' b ', 'last']);
  expect(splitItems(bytes('a\n'), false)).toEqual(['a']);
  expect(splitItems(bytes('\n'), false)).toEqual(['']);
  expect(splitItems(bytes(''), false)).toEqual([]);
  expect(splitItems(bytes('caf\xe9\r\n'), false)).toEqual(['caf\udce9\r']);
});

test('with NUL a line end is a part of an item', () => {
  expect(splitItems(bytes('a\nb\0\0c'), true)).toEqual(['a\nb', '', 'c']);
  expect(() => splitItems(bytes('a\0b\n'), false)).toThrow(/Item 1 has a NUL/);
});

test('the words of the command and the items', () => {
  expect(splitWords(['gzip', '{}', ':::', 'a', 'b'])).toEqual({ command: ['gzip', '{}'], items: ['a', 'b'] });
  expect(splitWords(['gzip', ':::'])).toEqual({ command: ['gzip'], items: [] });
  expect(splitWords(['gzip'])).toEqual({ command: ['gzip'], items: null });
  for (const odd of [':::', '::::', ':::+', '::::+'])
    expect(() => splitWords(['p', ':::', 'a', odd, 'b'])).toThrow(`"${odd}" is not possible here`);
});

test('how many at once', () => {
  expect(['1', '64', '0'].map(jobsOf)).toEqual([1, 64, 64]);
  expect(jobsOf('100%')).toBe(Math.min(64, availableParallelism()));
  expect(jobsOf('1%')).toBe(1);
  for (const odd of ['', '-1', '65', 'many', '0%', '1.5', '99999', '+2'])
    expect(() => jobsOf(odd)).toThrow(/--jobs: /);
});

const output = (subtask: string, text: string, attempt = 1) =>
  ({ kind: 'output', subtask, attempt, text, base64: false }) as LogRecord;
const over = (subtask: string, event = 'step_completed') =>
  ({ kind: 'event', subtask, attempt: null, text: '', event }) as LogRecord;

/** What was shown by then; `again` gives what is read a second time. */
function grouped({ keep_order = false, held_bytes_max = 1000 } = {}) {
  const shown: string[] = [];
  const asked: string[] = [];
  const write = (chunk: Uint8Array) => {
    shown.push(Buffer.from(chunk).toString());
    return undefined;
  };
  const output = new GroupedOutput({
    items: ['1', '2', '3'],
    keep_order,
    held_bytes_max,
    open: () => ({ write, end: () => undefined }),
    async again(item, attempt, show) {
      asked.push(`${item}/${attempt}`);
      await show(Buffer.from(`again ${item}`));
    },
  });
  return { output, shown, asked };
}

test('each output is shown whole, in the order of the ends or of the items', async () => {
  const records = [
    ...[output('1', 'a'), output('2', 'x'), output('1', 'b'), output('2', 'y'), over('2', 'step_failed')],
    ...[output('1', 'c'), over('1'), output('3', 'z'), over('3')],
  ];
  const by_end = grouped();
  for (const record of records) by_end.output.push(record);
  await by_end.output.end();
  expect(by_end.shown.join('')).toBe('xyabcz');
  const by_item = grouped({ keep_order: true });
  for (const record of records.slice(0, 5)) by_item.output.push(record);
  await Promise.resolve();
  expect(by_item.shown).toEqual([]);
  for (const record of records.slice(5)) by_item.output.push(record);
  await by_item.output.end();
  expect(by_item.shown.join('')).toBe('abcxyz');
});

test('of one that was tried again the last attempt is shown; what never ended is shown at the end', async () => {
  const { output: all, shown } = grouped({ keep_order: true });
  for (const record of [output('1', 'first', 1), output('1', 'second', 2), over('1'), output('3', 'half')])
    all.push(record);
  await all.end();
  expect(shown).toEqual(['second', 'half']);
});

test.each([false, true])(
  'one that is done again after its end is shown again (in order: %s)',
  async keep_order => {
    const { output: all, shown } = grouped({ keep_order });
    for (const record of [
      ...[output('1', 'one'), over('1'), output('2', 'bad'), over('2', 'step_failed'), output('3', 'three')],
      ...[over('3'), over('2', 'step_reset'), output('2', 'good', 2), over('2')],
    ])
      all.push(record);
    await all.end();
    expect(shown).toEqual(['one', 'bad', 'three', 'good']);
  },
);

test('what is too much to be kept is read again, and makes room when it was shown', async () => {
  const { output: all, shown, asked } = grouped({ held_bytes_max: 10 });
  all.push(output('1', '12345678'));
  all.push(output('2', 'abcdefgh', 4));
  all.push(output('2', 'more', 4));
  all.push(over('2'));
  all.push(over('1'));
  all.push(output('3', '0'));
  await all.end();
  expect([shown, asked]).toEqual([['again 2', '12345678', '0'], ['2/4']]);
});

test('what cannot be shown is told at the end', async () => {
  const output2 = new GroupedOutput({
    items: ['1'],
    keep_order: false,
    open: () => ({ write: () => Promise.reject(new Error('gone')), end: () => undefined }),
    again: async () => {},
  });
  output2.push(output('1', 'a'));
  output2.push(over('1'));
  await expect(output2.end()).rejects.toThrow('gone');
});

function view(status: TaskView['status'], failed: readonly { code: number | null; at: string }[]): TaskView {
  const exit_code = { completed: 0, failed: 1, blocked: 3, interrupted: 130, cancelled: 130 }[
    status as string
  ];
  const subtasks = failed.map(({ code, at }) => ({ status: 'failed', history: [{ code, ended_at: at }] }));
  return {
    status,
    exit_code: exit_code ?? null,
    subtasks: [...subtasks, { status: 'completed', history: [] }, { status: 'skipped', history: [] }],
  } as unknown as TaskView;
}
const failures = (n: number) => Array.from({ length: n }, (_, i) => ({ code: 9, at: `${i}` }));

test('the exit status counts what failed, as that of parallel(1)', () => {
  expect(eachExit(view('completed', []), false)).toBe(0);
  expect([1, 2, 100, 101, 5000].map(n => eachExit(view('failed', failures(n)), false))).toEqual([
    ...[1, 2, 100, 101, 101],
  ]);
  expect(eachExit(view('blocked', []), false)).toBe(255);
  expect(eachExit(view('interrupted', failures(2)), false)).toBe(130);
  expect(eachExit(view('cancelled', []), true)).toBe(130);
});

test('with --halt it is that of the first that failed', () => {
  const two = [
    { code: 3, at: '2026-01-02' },
    { code: 7, at: '2026-01-01' },
  ];
  expect(eachExit(view('failed', two), true)).toBe(7);
  expect(eachExit(view('failed', [{ code: null, at: '' }]), true)).toBe(1);
});
