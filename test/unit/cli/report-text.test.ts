/** `rasen report`, compared with files. */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { reportText, tokens } from '../../../src/cli/report-text.ts';
import type { TaskReport } from '../../../src/contract/report.ts';
import { totalsOf } from '../../../src/engine/report.ts';

const expected = (name: string) =>
  readFileSync(new URL(`../../data/cli/${name}`, import.meta.url), 'utf8').trimEnd();
const now_ms = Date.parse('2026-01-28T08:00:00Z');
const ID = '01kaaaaaaaaaaaaaaaaaaaaaaa';

beforeAll(() => {
  process.env.TZ = 'UTC';
});

const task = (over: Partial<TaskReport> = {}): TaskReport => ({
  id: ID,
  name: 'auth',
  goal: 'Implement user authentication\nwith sessions',
  project: '/home/user/project',
  status: 'completed',
  why: null,
  result: null,
  reason: null,
  verified: true,
  resume_at: null,
  needs_you: false,
  next: `rasen merge ${ID}`,
  subtasks: { total: 7, completed: 7, failed: 0, skipped: 0 },
  branch: 'rasen/auth',
  commit: 'b'.repeat(40),
  merged: null,
  created_at: '2026-01-27T20:00:00.000Z',
  started_at: '2026-01-27T20:00:00.000Z',
  ended_at: '2026-01-28T03:10:00.000Z',
  last_activity: '2026-01-28T03:10:00.000Z',
  attempts: { ok: 9, limit: 1, gate_failed: 3 },
  refused: { 'npm test': 2, review: 1 },
  waits: [
    {
      why: 'limit',
      message: 'auth-4: usage limit reached',
      from: '2026-01-28T00:10:00.000Z',
      until: '2026-01-28T02:15:00.000Z',
      seconds: 7500,
    },
  ],
  budgets: [],
  notes: [],
  forgeries: [],
  followups: [],
  restarts: 2,
  reboots: 1,
  commits: 24,
  total_seconds: 25_800,
  active_seconds: 11_100,
  input_tokens: 20_000_000,
  output_tokens: 400_000,
  total_tokens: 20_400_000,
  cost_usd: 38.1,
  ...over,
});

const blocked = task({
  id: '01kbbbbbbbbbbbbbbbbbbbbbbb',
  name: 'Move the parser',
  goal: 'Move the parser',
  status: 'blocked',
  why: 'review',
  reason: 'parse-2, attempt 1: diff gate: A test was deleted: test/parse.test.ts.',
  verified: null,
  needs_you: true,
  next: 'rasen resume 01kbbbbbbbbbbbbbbbbbbbbbbb',
  subtasks: { total: 3, completed: 1, failed: 1, skipped: 1 },
  attempts: { gate_failed: 1, ok: 1 },
  refused: { diff: 1 },
  waits: [],
  restarts: 0,
  reboots: 0,
  commits: 1,
  total_tokens: 850,
  cost_usd: null,
  total_seconds: 600,
  active_seconds: 540,
});

const waiting = task({
  id: '01kccccccccccccccccccccccc',
  name: 'docs',
  status: 'waiting',
  why: 'limit',
  reason: 'docs-1: usage limit reached',
  verified: null,
  next: 'rasen wait 01kccccccccccccccccccccccc --wait',
  resume_at: '2026-01-28T09:30:00.000Z',
  subtasks: { total: 1, completed: 0, failed: 0, skipped: 0 },
  attempts: {},
  refused: {},
  restarts: 1,
  reboots: 0,
  commits: 0,
  budgets: [
    { budget: 'tokens', used: 3_100_000, limit: 5_000_000 },
    { budget: 'usd', used: 3.1, limit: 8 },
  ],
  notes: [{ note: 1, t: '2026-01-28T07:00:00.000Z', text: 'Mind the\nlinks' }],
  followups: [{ step: 'docs-1', text: 'The index has dead links.' }],
  waits: [300, 60, 7200, 30].map((seconds, i) => ({
    why: 'network',
    message: `wait ${i}`,
    from: '2026-01-28T07:00:00.000Z',
    until: i === 2 ? null : '2026-01-28T07:05:00.000Z',
    seconds,
  })),
  total_tokens: 3_100_000,
  cost_usd: 3.1,
});

test('a night: who needs you first, then what goes on, then what is done', () => {
  const tasks = [blocked, waiting, task()];
  const report = { since: '2026-01-27T20:00:00.000Z', totals: totalsOf(tasks), tasks, damaged: [] };
  expect(reportText(report, now_ms)).toBe(expected('report-night.txt'));
});

test('nothing to tell, and a journal that cannot be read', () => {
  const none = { since: null, totals: totalsOf([]), tasks: [], damaged: [] };
  expect(reportText(none, now_ms)).toBe('0 tasks · 0 tokens · needs you: 0');
  expect(reportText({ ...none, damaged: [{ id: ID, message: 'line 3 is torn' }] }, now_ms)).toBe(
    `0 tasks · 0 tokens · needs you: 0\n\n${ID} cannot be read: line 3 is torn`,
  );
});

test('hostile texts stay in their line', () => {
  const odd = task({ name: 'a\x1b[2J', goal: 'b\nc', reason: 'd\x07\ne', status: 'failed', why: null });
  const report = { since: null, totals: totalsOf([odd]), tasks: [odd], damaged: [] };
  expect(reportText(report, now_ms)).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
});

test.each([
  [0, '0'],
  [999, '999'],
  [1000, '1.0 k'],
  [999_949, '999.9 k'],
  [999_950, '1.0 M'],
  [23_400_000, '23.4 M'],
  [1_250_000_000, '1.3 G'],
])('%d tokens', (n, text) => {
  expect(tokens(n)).toBe(text);
});
