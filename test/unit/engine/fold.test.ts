/** fold refuses what cannot be, and names the event and what it met. */
import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../../../src/contract/event.ts';
import { TRANSITIONS } from '../../../src/contract/status.ts';
import { foldAll } from '../../../src/engine/fold.ts';
import { stepOf } from '../../../src/engine/state.ts';
import { planOf, specOf, TaskBuilder } from '../../support/task-builder.ts';

const folder = (over: Record<string, unknown> = {}) =>
  specOf({ workspace: { kind: 'folder' }, gates: [], ...over });
const running = () => new TaskBuilder(folder()).claimed().plan(['a', 'b']).started();

describe('fold refuses', () => {
  const at = { step: 'a', n: 1 };
  const cases: [string, TaskBuilder, NewEvent, RegExp][] = [
    ['a second submit', running(), { type: 'task_submitted', spec: folder() }, /submitted twice/],
    ['a transition that is not in the table', running(), { type: 'task_resumed' }, /running → pending/],
    [
      'an end of what is over',
      running().add({ type: 'task_cancelled' }),
      { type: 'task_completed', verified: true, commit: null },
      /cancelled → completed/,
    ],
    [
      'a second open attempt',
      running().begin('a'),
      { type: 'attempt_created', ...at, n: 2, nonce: '', from: null, work: true },
      /attempt 2 of a while attempt 1/,
    ],
    [
      'a gap in the attempts',
      running(),
      { type: 'attempt_created', ...at, n: 3, nonce: '', from: null, work: true },
      /attempt 3 of a after 0/,
    ],
    [
      'a start without preparation',
      running().add({ type: 'attempt_created', ...at, nonce: '', from: null, work: true }),
      { type: 'attempt_started', ...at, pid: 1 },
      /attempt_started of a\/1 while it is created/,
    ],
    [
      'an event of an attempt that is closed',
      running().begin('a').end('a').close('a'),
      { type: 'attempt_stopping', ...at, reason: 'user' },
      /a\/1 is not open/,
    ],
    [
      'closing what runs',
      running().begin('a'),
      {
        type: 'attempt_closed',
        ...at,
        outcome: 'killed',
        reason: null,
        retry_at: null,
        wait: null,
        block: null,
      },
      /attempt_closed of a\/1 while it is running/,
    ],
    ['an unknown step', running(), { type: 'step_failed', step: 'z', reason: '' }, /no step z/],
    [
      'failing what is worked on',
      running().begin('a'),
      { type: 'step_failed', step: 'a', reason: '' },
      /a failed while in_progress/,
    ],
    [
      'completing what is worked on',
      running().begin('a'),
      { type: 'step_completed', step: 'a', commit: null, good: null },
      /a completed while in_progress/,
    ],
    [
      'a good commit out of order',
      running().begin('a').end('a').close('a'),
      { type: 'step_completed', step: 'a', commit: 'c', good: 2 },
      /good 2 after 0/,
    ],
    [
      'a gate that is not running',
      running().begin('a').end('a'),
      { type: 'gate_dropped', ...at, gate: 0, try: 1, outcome: 'lost', ended_at: '' },
      /gate 0 of a\/1 is not running/,
    ],
    [
      'a plan out of order',
      running(),
      { type: 'plan_frozen', plan: planOf(['a']), sha256: '', rev: 3, source: 'user' },
      /rev 3 after 1/,
    ],
    [
      'a plan that would forget an open attempt',
      running().begin('a'),
      { type: 'plan_frozen', plan: planOf(['b']), sha256: '', rev: 2, source: 'user' },
      /attempt 1 of a is open/,
    ],
  ];
  it.each(cases)('%s', (_what, task, event, message) => {
    expect(() => task.add(event)).toThrow(message);
  });

  it('a journal that does not begin with the order, or has a gap', () => {
    const { events } = running();
    expect(() => foldAll(events.slice(1))).toThrow(/first event must be task_submitted/);
    expect(() => foldAll([events[0]!, events[2]!])).toThrow(/event 3 after 1/);
    expect(() => foldAll([])).toThrow(/without events/);
  });
});

describe('fold', () => {
  it('gives every status a row, and lets a person alone have what is over done again', () => {
    for (const name of ['completed', 'failed'] as const) expect(TRANSITIONS[name]).toEqual(['pending']);
    expect(TRANSITIONS.cancelled).toEqual([]);
    for (const targets of Object.values(TRANSITIONS))
      for (const to of targets) expect(TRANSITIONS).toHaveProperty(to);
  });

  it('gives the same state for the same events', () => {
    const task = running().done('a').begin('b');
    expect(foldAll(task.events)).toEqual(task.state);
  });

  it('keeps what was done when the plan is edited, and starts again what was changed', () => {
    const task = running().done('a').done('b');
    task.plan(['a', { id: 'b', title: 'another' }, 'c']);
    expect(task.state.steps.map(s => [s.id, s.status])).toEqual([
      ['a', 'completed'],
      ['b', 'pending'],
      ['c', 'pending'],
    ]);
    expect(stepOf(task.state, 'b').attempts).toBe(1);
  });

  it('counts active time once for what runs side by side, whatever the order of the ends', () => {
    const task = running().begin('a').begin('b');
    const since = Date.parse(task.state.active.since!);
    task.wait(60_000);
    const [early, late] = [since + 10_000, since + 50_000].map(ms => new Date(ms).toISOString());
    const end = (step: string, ended_at: string): NewEvent => ({
      type: 'attempt_ended',
      step,
      n: 1,
      outcome: 'ok',
      code: 0,
      signal: null,
      ended_at,
      output_bytes: 0,
      dropped_bytes: 0,
      message: null,
      claim: null,
    });
    task.add(end('b', late!)).add(end('a', early!));
    expect(task.state.active).toMatchObject({ live: 0, total_ms: 50_000 });
  });

  it('does not count the time in which a gate was over and nobody looked', () => {
    const task = new TaskBuilder(folder({ gates: [{ name: 'test', run: ['t'] }] }))
      .claimed()
      .plan(['a'])
      .started();
    task.begin('a').end('a').gateBegin('a', 'test');
    const before = task.state.active.total_ms;
    task.wait(5 * 3_600_000).gateEnd('a', 'test', { duration_ms: 3000 });
    expect(task.state.active.total_ms - before).toBe(3000);
  });

  it('moves the deadlines of what runs when the clock jumps, and of nothing that starts later', () => {
    const task = new TaskBuilder(folder({ gates: [{ name: 'test', run: ['t'] }] }))
      .claimed()
      .plan(['a'])
      .started()
      .begin('a');
    task.add({ type: 'clock_jumped', ms: -3_600_000 });
    expect(stepOf(task.state, 'a').attempt!.paused_ms).toBe(-3_600_000);
    task.end('a').gateBegin('a', 'test');
    expect(stepOf(task.state, 'a').attempt!.gates[0]!.paused_ms).toBe(0);
  });

  it('gives another chance to what failed, and to what was left out because of it, on resume', () => {
    const task = running().begin('a').end('a', { outcome: 'failed' }).close('a', 'failed');
    task
      .add({ type: 'step_failed', step: 'a', reason: 'x' })
      .add({ type: 'step_skipped', step: 'b', reason: 'a failed' });
    task.add({ type: 'task_interrupted', by: 'user' }).add({ type: 'task_resumed' });
    expect(task.state.steps.map(s => [s.status, s.counted])).toEqual([
      ['pending', 0],
      ['pending', 0],
    ]);
  });
});
