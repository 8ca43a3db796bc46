/** What the report counts, from events alone. */
import { expect, test } from 'vitest';
import { reportOf, reportOrder, totalsOf } from '../../../src/engine/report.ts';
import { specOf, TaskBuilder } from '../../support/task-builder.ts';

const HOUR = 3_600_000;
const at = (task: TaskBuilder, since_ms: number | null = null) => ({ now_ms: task.now, since_ms, pid: 1 });
const session = (cost_usd: number | null) => ({
  backend: 'claude',
  ids: [],
  outcome: 'ok',
  evidence: 'event',
  usage: { input_tokens: 0, cached_input_tokens: 0, output_tokens: 0, cost_usd, partial: false },
  denied: [],
  unknown: {},
  unreadable: 0,
});

/** Evening: `a` is done in two attempts, `b` meets a limit. Night: the machine goes down. Morning: `b` asks. */
function night(): { task: TaskBuilder; midnight: number } {
  const task = new TaskBuilder(specOf()).claimed().plan(['a', 'b']).started().done('_baseline');
  const used = { input_tokens: 1000, output_tokens: 100 };
  task.begin('a').end('a', { claim: used }).gate('a', 'clean').gate('a', 'diff');
  task.gate('a', 'test', { passed: false, reason: 'exit code 1' }).close('a', 'gate_failed');
  task.done('a', { claim: used });
  const limit = {
    reason: 'limit',
    retry_at: new Date(task.now + 6 * HOUR).toISOString(),
    wait: 'limit',
  } as const;
  task.begin('b').end('b', { outcome: 'limit', claim: used }).close('b', 'limit', limit);
  task.add({ type: 'task_waiting', why: 'limit', resume_at: limit.retry_at, message: 'b: limit' });
  const midnight = task.now + 2 * HOUR;
  task.wait(3 * HOUR).claimed('after a power cut');
  task
    .wait(3 * HOUR)
    .started()
    .begin('b')
    .end('b', { outcome: 'asked', claim: used });
  task.close('b', 'asked', { reason: 'which?', block: { why: 'question', message: 'b, attempt 2: which?' } });
  task.add({ type: 'task_blocked', why: 'question', message: 'b, attempt 2: which?', subtask: 'b' });
  return { task, midnight };
}

test('two agents of one backend have a line each, with what each has done and used', () => {
  const { coder } = specOf().agents;
  const relay = { agents: [{ ...coder!, model: 'smaller' }], after_seconds: 1 };
  const task = new TaskBuilder(specOf({ relay })).claimed().plan(['a']).started().done('_baseline');
  const until = new Date(task.now + HOUR).toISOString();
  const used = (input_tokens: number) => ({ claim: { input_tokens, output_tokens: 0 } });
  task.begin('a').end('a', { outcome: 'limit', ...used(700) });
  task.close('a', 'limit', { reason: 'limit', retry_at: until, wait: 'limit' });
  task.begin('a', 1).end('a', used(50)).close('a').completed('a');
  const { backend } = coder!;
  expect(reportOf(task.events, at(task)).agents).toEqual([
    { backend, attempts: 1, completed: [], tokens: 700, usd: 0 },
    { backend, attempts: 1, completed: ['a'], tokens: 50, usd: 0 },
  ]);
});

test('all of a life: attempts by outcome and gate, waits, restarts, commits, tokens', () => {
  const { task } = night();
  expect(reportOf(task.events, at(task))).toMatchObject({
    status: 'blocked',
    why: 'question',
    needs_you: true,
    next: `rasen answer ${task.state.id} "…"`,
    subtasks: { total: 2, completed: 1, failed: 0, skipped: 0 },
    attempts: { ok: 1, gate_failed: 1, limit: 1, asked: 1 },
    refused: { test: 1 },
    waits: [{ why: 'limit', message: 'b: limit', seconds: (6 * HOUR) / 1000 + 2 }],
    restarts: 1,
    reboots: 1,
    input_tokens: 4000,
    output_tokens: 400,
    total_tokens: 4400,
    cost_usd: null,
  });
});

test('since a time: only what came after it counts, and a wait only from then on', () => {
  const { task, midnight } = night();
  const whole = reportOf(task.events, at(task));
  const since = reportOf(task.events, at(task, midnight));
  expect(since).toMatchObject({
    attempts: { asked: 1 },
    refused: {},
    restarts: 1,
    input_tokens: 1000,
    waits: [{ why: 'limit' }],
    subtasks: { completed: 1 },
  });
  expect(since.waits[0]!.seconds).toBe(whole.waits[0]!.seconds - (2 * HOUR) / 1000);
  expect(since.total_seconds).toBeLessThan(whole.total_seconds);
  expect(reportOf(task.events, at(task, task.now + 1))).toMatchObject({
    attempts: {},
    waits: [],
    commits: 0,
  });
});

test('a wait that is looked at again is one wait; one that goes on has no end', () => {
  const task = new TaskBuilder(specOf()).claimed().plan(['a']).started();
  const wait = (why: 'disk' | 'limit', message: string) =>
    task.add({ type: 'task_waiting', why, resume_at: '2026-01-28T00:00:00.000Z', message });
  wait('disk', 'full').wait(HOUR);
  wait('disk', 'still full').wait(HOUR);
  wait('limit', 'limit').wait(HOUR);
  expect(reportOf(task.events, at(task)).waits).toMatchObject([
    { why: 'disk', message: 'still full', seconds: 7202 },
    { why: 'limit', until: null, seconds: 3600 },
  ]);
});

test('who needs a person comes first; totals are of all, costs only of those that are known', () => {
  const { task } = night();
  const blocked = reportOf(task.events, at(task));
  const done = {
    ...blocked,
    status: 'completed' as const,
    verified: true,
    needs_you: false,
    ended_at: blocked.created_at,
  };
  const dear = { ...done, cost_usd: 1.5 };
  const running = { ...blocked, status: 'running' as const, needs_you: false };
  expect([dear, running, blocked].sort(reportOrder)).toEqual([blocked, running, dear]);
  expect(totalsOf([blocked, done, dear, running])).toMatchObject({
    tasks: 4,
    needs_you: 1,
    by_status: { blocked: 1, verified: 2, running: 1 },
    attempts: 16,
    total_tokens: 4 * 4400,
    cost_usd: 1.5,
  });
  expect(totalsOf([blocked]).cost_usd).toBeNull();
});

test('what sessions cost is counted from the time on', () => {
  const task = new TaskBuilder(specOf()).claimed().plan(['a']).started().begin('a');
  const end = (n: number) =>
    task.add({
      ...{ type: 'attempt_ended', step: 'a', n, outcome: 'failed', code: 1, signal: null, message: null },
      ...{ ended_at: new Date(task.now).toISOString(), output_bytes: 0, dropped_bytes: 0, claim: null },
      session: session(0.25),
    } as never);
  end(1).close('a', 'failed');
  const since = task.now + 500;
  task.begin('a');
  end(2).close('a', 'failed');
  expect(reportOf(task.events, at(task)).cost_usd).toBe(0.5);
  expect(reportOf(task.events, at(task, since)).cost_usd).toBe(0.25);
});

test('what agents left for later is told once each, with where', () => {
  const task = new TaskBuilder(specOf()).claimed().plan(['a', 'b']).started();
  const followups = ['slow tests', 'dead code'];
  task
    .done('a', { claim: { followups } })
    .begin('b')
    .end('b', { claim: { followups: ['slow tests'] } });
  expect(reportOf(task.events, at(task)).followups).toEqual(followups.map(text => ({ step: 'a', text })));
});
