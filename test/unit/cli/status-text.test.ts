/** `rasen status`, compared with files. The first lines are the seed's, letter by letter. */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { seedLines, statusText } from '../../../src/cli/status-text.ts';
import { nextCommand } from '../../../src/engine/next-command.ts';
import { subtaskWith, viewWith } from '../../support/fake-daemon.ts';

const expected = (name: string) =>
  readFileSync(new URL(`../../data/cli/${name}`, import.meta.url), 'utf8').trimEnd();
const now_ms = Date.parse('2026-01-27T18:45:30Z');

beforeAll(() => {
  process.env.TZ = 'UTC';
});

test('the lines of the seed', () => {
  expect(seedLines(viewWith()).join('\n')).toBe(expected('status-seed.txt'));
});

test('a status file of the seed gives the same lines', () => {
  const file = {
    pid: 12345,
    status: 'running',
    iteration: 15,
    max_iterations: 50,
    subtask_id: 'auth-4',
    subtask_description: 'Implement password reset flow',
    completed_subtasks: 3,
    total_subtasks: 7,
    total_commits: 24,
    last_activity: '2026-01-27T18:45:00Z',
    started_at: '2026-01-27T16:30:00Z',
  };
  expect(seedLines(file).join('\n')).toBe(expected('status-seed.txt'));
});

test('a running task', () => {
  expect(statusText(viewWith(), { now_ms })).toBe(expected('status-running.txt'));
});

test('a task that waits tells until when, one that is completed whether it is verified', () => {
  const waiting = viewWith({
    status: 'waiting',
    why: 'limit',
    reason: 'usage limit reached',
    resume_at: '2026-01-27T19:00:30.000Z',
  });
  expect(statusText(waiting, { now_ms })).toContain(
    'Reason: usage limit reached\nWaiting until: 2026-01-27 19:00:30 (in 15m)\n',
  );
  const done = viewWith({ status: 'completed', verified: false, pid: null, subtask_id: null });
  expect(statusText(done, { now_ms })).toMatch(/\nVerified: no \(.*\)\n/);
  expect(statusText(done, { now_ms })).not.toContain('PID:');
});

test('what the terminal would obey is not shown', () => {
  const text = statusText(viewWith({ name: 'a\x1b[2Jb', reason: 'x\ny\x07', subtask_description: '\x9bz' }), {
    now_ms,
  });
  expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
});

test('the next command fits the status, and always names the task, so that it works anywhere', () => {
  const next = (over: Parameters<typeof viewWith>[0]) => nextCommand(viewWith(over));
  const { id } = viewWith();
  expect(next({ status: 'interrupted' })).toBe(`rasen resume ${id}`);
  expect(next({ status: 'blocked', why: 'attempts' })).toBe(`rasen resume ${id}`);
  expect(next({ status: 'completed' })).toBe(`rasen merge ${id}`);
  expect(next({ status: 'completed', commit: null })).toBeNull();
  expect(next({ status: 'completed', branch: null })).toBeNull();
  expect(next({ status: 'cancelled' })).toBeNull();
  expect(next({ status: 'failed', subtasks: [subtaskWith({ status: 'failed' })] })).toBe(
    `rasen retry --task ${id}`,
  );
});
