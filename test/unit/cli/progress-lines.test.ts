/** The progress display, without a terminal. */
import { expect, test } from 'vitest';
import { changeLines, progressLines } from '../../../src/cli/progress-lines.ts';
import { subtaskWith, viewWith } from '../../support/fake-daemon.ts';

const now_ms = Date.parse('2026-01-27T18:45:00Z');

test('a heading and one line a subtask', () => {
  const attempt = {
    n: 2,
    phase: 'running',
    pid: 1,
    cage: null,
    sandbox: null,
    started_at: '2026-01-27T18:43:58Z',
    outcome: null,
    commit: null,
    gates: [],
  };
  const view = viewWith({
    subtasks: [subtaskWith({ id: 'a', status: 'completed', title: 'A' }), subtaskWith({ attempt })],
  });
  expect(progressLines(view, now_ms, 20)).toEqual([
    'auth  running  3/7 subtasks  2h 15m',
    '  completed    a       A',
    '  in_progress  auth-4  Implement password reset flow  running  attempt 2  1m 02s',
  ]);
});

test('never more lines than there is room for, and what runs is among them', () => {
  const many = Array.from({ length: 50 }, (_, i) =>
    subtaskWith({ id: `s${i}`, status: i < 40 ? 'completed' : i === 40 ? 'in_progress' : 'pending' }),
  );
  const lines = progressLines(viewWith({ subtasks: many }), now_ms, 10);
  expect(lines).toHaveLength(10);
  expect(lines.join('\n')).toContain('  in_progress  s40');
  expect(lines.at(-1)).toBe('  … and 42 more');
});

test('without a terminal each change is a line, once', () => {
  const before = viewWith();
  const after = viewWith({
    status: 'waiting',
    reason: 'usage limit',
    subtasks: [subtaskWith({ id: 'auth-3', status: 'completed', attempts: 1 }), subtaskWith({ attempts: 3 })],
  });
  expect(changeLines(before, before)).toEqual([]);
  expect(changeLines(before, after)).toEqual([
    'auth-4: in_progress (attempt 3)',
    'task waiting: usage limit',
  ]);
  expect(changeLines(undefined, before)).toEqual([
    'auth-3: completed',
    'auth-4: in_progress (attempt 2)',
    'task running',
  ]);
});
