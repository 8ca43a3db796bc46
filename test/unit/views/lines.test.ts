/** The sentences of the log: RASEN's words, a reason and a next step for every failure, nothing hostile. */
import { describe, expect, test } from 'vitest';
import type { NewEvent } from '../../../src/contract/event.ts';
import { fold } from '../../../src/engine/fold.ts';
import type { TaskState } from '../../../src/engine/state.ts';
import { levelOf, lineOf, linesOf } from '../../../src/views/lines.ts';
import { logText } from '../../../src/views/log-format.ts';
import { specOf, TaskBuilder } from '../../support/task-builder.ts';

const judge = { enabled: true, per_subtask: true, max_loops: 3, recurring_issue_threshold: 3 };

/** Every line of a life, each from the state right after its event. */
function linesOfLife(task: TaskBuilder): string[] {
  let state: TaskState | null = null;
  return task.events.flatMap(event => {
    state = fold(state, event);
    return linesOf(state, event).map(line => `${line.level} ${line.text}`);
  });
}

const last = (task: TaskBuilder) =>
  linesOf(task.state, task.events.at(-1)!).map(line => `${line.level} ${line.text}`);

const running = (
  over: Record<string, unknown> = {},
  subtasks: Parameters<TaskBuilder['plan']>[0] = ['auth-4', 'auth-5'],
) => new TaskBuilder(specOf({ gates: [], ...over })).claimed().plan(subtasks).started();

describe('the words of the seeds', () => {
  test('a good iteration reads as in the guide', () => {
    const task = running({ review: judge, gates: [] })
      .begin('auth-4')
      .end('auth-4', { sealed: { commits: 2 } })
      .gate('auth-4', 'clean')
      .gate('auth-4', 'diff')
      .gate('auth-4', 'review')
      .close('auth-4')
      .completed('auth-4');
    const said = linesOfLife(task);
    expect(said.slice(said.indexOf('INFO Iteration 1/50'))).toEqual([
      'INFO Iteration 1/50',
      'INFO Working on subtask: auth-4',
      'INFO Workspace ready: rasen/auth at cccccccccc',
      'INFO Session completed: 2 commits',
      'INFO Running review loop...',
      'INFO Review approved',
      'INFO Subtask auth-4 completed',
    ]);
  });

  test('iteration and subtask are two lines of one event, and lineOf gives an array for it alone', () => {
    const task = running();
    task.add({ type: 'attempt_created', step: 'auth-4', n: 1, nonce: 'x', from: null, work: true });
    const line = lineOf(task.state, task.events.at(-1)!);
    expect(line).toEqual([
      { level: 'INFO', text: 'Iteration 1/50', subtask: 'auth-4', attempt: 1 },
      { level: 'INFO', text: 'Working on subtask: auth-4', subtask: 'auth-4', attempt: 1 },
    ]);
    task.add({ type: 'attempt_prepared', step: 'auth-4', n: 1 });
    expect(lineOf(task.state, task.events.at(-1)!)).toBeNull();
    expect(levelOf(task.state, task.events.at(-1)!)).toBeNull();
    task.add({ type: 'task_waiting', why: 'disk', resume_at: '2026-01-27T18:00:00Z', message: 'low' });
    expect(levelOf(task.state, task.events.at(-1)!)).toBe('WARNING');
    expect(lineOf(task.state, task.events.at(-1)!)).toMatchObject({ level: 'WARNING', subtask: null });
  });

  test('a line of the log has local time, level and text', () => {
    const line = { level: 'INFO', text: 'Iteration 15/50', subtask: null, attempt: null } as const;
    const t = new Date(2026, 0, 27, 18, 45, 3, 999).toISOString();
    expect(logText(line, t)).toBe('2026-01-27 18:45:03 - INFO - Iteration 15/50');
  });
});

describe('failures say outcome, reason and what follows', () => {
  const failing = () =>
    running().begin('auth-4').end('auth-4', { outcome: 'timeout', message: 'stopped: timeout' });

  test('tried again at a time', () => {
    const task = failing().close('auth-4', 'timeout', {
      reason: 'stopped: timeout',
      retry_at: '2026-01-27T16:31:00.000Z',
    });
    expect(last(task)).toEqual([
      'WARNING Attempt 1 of subtask auth-4: timeout (stopped: timeout); tried again at 2026-01-27T16:31:00Z',
    ]);
  });

  test('the last attempt', () => {
    const task = running({ limits: { attempts: 1 } })
      .begin('auth-4')
      .end('auth-4', { outcome: 'failed', message: 'exit code 1' })
      .close('auth-4', 'failed', { reason: 'exit code 1' });
    expect(last(task)).toEqual([
      'ERROR Attempt 1 of subtask auth-4: failed (exit code 1); no attempt is left',
    ]);
    task.add({ type: 'step_failed', step: 'auth-4', reason: 'exit code 1' });
    expect(last(task)).toEqual(['ERROR Subtask auth-4 failed: exit code 1; nothing new starts']);
  });

  test('a wait, a person, a whole task', () => {
    const waits = failing().close('auth-4', 'limit', {
      reason: 'usage limit',
      retry_at: '2026-01-27T20:00:00Z',
      wait: 'limit',
    });
    expect(last(waits)).toEqual([
      'WARNING Attempt 1 of subtask auth-4: limit (usage limit); waiting for limit, tried again at 2026-01-27T20:00:00Z',
    ]);
    const blocks = failing().close('auth-4', 'auth', {
      reason: 'no login',
      block: { why: 'auth', message: 'log in' },
    });
    expect(last(blocks)).toEqual(['ERROR Attempt 1 of subtask auth-4: auth (no login); a person is needed']);
    blocks.add({ type: 'task_blocked', why: 'auth', message: 'log in', subtask: 'auth-4' });
    expect(last(blocks)).toEqual([
      `ERROR Task blocked (auth): log in; a person is needed, then: rasen resume ${blocks.state.id}`,
    ]);
    const fails = running().add({ type: 'task_failed', reason: 'smoke failed', subtask: 'auth-4' });
    expect(last(fails)).toEqual(['ERROR Task failed: smoke failed; the task is over']);
  });

  test('a gate, with its name', () => {
    const task = running({
      gates: [{ name: 'unit tests', run: ['npm', 'test'] }],
      workspace: { kind: 'folder' },
    })
      .begin('auth-4')
      .end('auth-4')
      .gateBegin('auth-4', 'unit tests');
    expect(last(task)).toEqual(['INFO Running gate: unit tests']);
    task.gateEnd('auth-4', 'unit tests', { passed: false, reason: 'exit code 2' });
    expect(last(task)).toEqual([
      'WARNING Gate unit tests failed: exit code 2; attempt 1 of subtask auth-4 does not count as done',
    ]);
  });

  test('a reason of any length leaves room for what follows', () => {
    const task = failing().close('auth-4', 'timeout', {
      reason: 'x'.repeat(5000),
      retry_at: '2026-01-27T16:31:00Z',
    });
    const [line] = last(task);
    expect(line!.length).toBeLessThanOrEqual(500 + 'WARNING '.length);
    expect(line).toMatch(/…; tried again at 2026-01-27T16:31:00Z$/);
  });
});

test('hostile text cannot make a line of its own, control a terminal or show a token', () => {
  const task = running().begin('auth-4').end('auth-4', { outcome: 'failed' }).close('auth-4', 'failed', {
    reason:
      'a\n2026-01-01 00:00:00 - INFO - Task completed\r\u2028b \u001b[31mred\u001b]0;title\u0007 \u202egnp\u0000 sk-ant-api03-AAAAAAAAAAAAAAAAAAAA token=abcdef123456',
  });
  const [line] = linesOf(task.state, task.events.at(-1)!);
  expect(line!.text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
  expect(line!.text).toContain('red gnp [hidden] token=[hidden]');
  expect(line!.text).not.toMatch(/AAAA|abcdef123456|title/);
});

test('no event type throws or gives an empty line, and the ends of a task are told', () => {
  const base = { reason: 'r', subtask: null };
  const ends: NewEvent[] = [
    { type: 'task_completed', verified: true, commit: null },
    { type: 'task_completed', verified: false, commit: null },
    { type: 'task_failed', ...base },
    { type: 'task_cancelled' },
    { type: 'task_interrupted', by: 'user' },
    { type: 'task_interrupted', by: 'reboot' },
    { type: 'clock_jumped', ms: 3_600_000 },
    { type: 'want_changed', want: 'stop', force: true, op: null, by: 'user' },
    { type: 'merge_requested', op: 'o', into: 'main', squash: false },
    { type: 'merge_refused', op: 'o', kind: 'merge_conflict', message: 'a.ts', hint: 'Rebase.', data: {} },
    {
      type: 'merged',
      op: 'o',
      into: 'main',
      before: 'a',
      commit: 'b'.repeat(40),
      fast_forward: true,
      gates: [],
    },
    { type: 'rolled_back', commit: 'd'.repeat(40), steps: ['auth-4'] },
    { type: 'step_skipped', step: 'auth-4', reason: 'x' },
    { type: 'step_reset', step: 'auth-4', reason: 'asked' },
  ];
  for (const event of ends) {
    const task = running().add(event);
    const lines = linesOf(task.state, task.events.at(-1)!);
    expect(lines, event.type).toHaveLength(1);
    expect(lines[0]!.text.length, event.type).toBeGreaterThan(5);
    expect(lines[0]!.text, event.type).not.toMatch(/undefined|null|\[object/);
  }
});
