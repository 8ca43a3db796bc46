/** The progress display, without a terminal. */
import { expect, test } from 'vitest';
import { Output, type Stream } from '../../../src/cli/output.ts';
import { Progress } from '../../../src/cli/progress.ts';
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
    '  in_progress  auth-4  running  attempt 2  1m 02s  Implement password reset flow',
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

test('below what is worked on stands the last line that it printed, within the same room', () => {
  const subtasks = Array.from({ length: 9 }, (_, i) =>
    subtaskWith({ id: `s${i}`, status: i === 4 ? 'in_progress' : 'pending' }),
  );
  const said = new Map([
    ['s4', 'I read the tests.\nand more'],
    ['s5', 'not worked on'],
  ]);
  const lines = progressLines(viewWith({ subtasks }), now_ms, 6, said);
  expect(lines).toHaveLength(6);
  expect(lines.indexOf('    I read the tests.')).toBe(lines.findIndex(line => line.includes('s4')) + 1);
  expect(lines.join()).not.toContain('not worked on');
});

test('nothing is drawn over a question, and nothing that came meanwhile is missing after it', () => {
  for (const TERM of ['xterm', 'dumb']) {
    let written = '';
    const stream = {
      isTTY: true,
      columns: 40,
      rows: 10,
      write: (text: string) => (written += text),
    } as unknown as Stream;
    const out = new Output({ stdout: () => stream, stderr: () => stream, env: { TERM }, json: false });
    const progress = new Progress(out, stream);
    progress.show(viewWith({ seq: 1 }));
    progress.hold();
    const before = written;
    progress.show(viewWith({ seq: 2, status: 'waiting', reason: 'usage limit\x1b[2J' }));
    progress.hear(viewWith().id, 'auth-4', 'words');
    expect(written).toBe(before);
    progress.resume();
    expect(written.slice(before.length)).toContain('usage limit');
    expect(written).not.toContain('\x1b[2J');
    progress.end();
  }
});
