/** How long a session may be silent, take, and go in circles, by what is known of it while it goes on. */
import { describe, expect, it } from 'vitest';
import type { EventOf } from '../../../src/contract/event.ts';
import { PROGRESS_MS, RESULT_GRACE_MS } from '../../../src/engine/stop-reason.ts';
import { planOf, specOf } from '../../support/task-builder.ts';
import { Engine, type Script } from './engine.ts';

const LIMITS = { idle_timeout_seconds: 300, tool_idle_timeout_seconds: 1800, session_timeout_seconds: 3600 };
const begin = (script: Script, over: Record<string, unknown> = {}) =>
  new Engine(specOf({ gates: [], limits: LIMITS, ...over }), planOf(['a']), script);
const running = (engine: Engine) => engine.run(state => state.steps[0]!.attempt?.phase === 'running');
const stops = (engine: Engine) =>
  engine.events.filter((e): e is EventOf<'attempt_stopping'> => e.type === 'attempt_stopping');
const stopped = (engine: Engine) => {
  const first = stops(engine)[0]!;
  const { started_at } = engine.state.steps[0]!.attempt ?? engine.state.steps[0]!.history[0]!;
  return [first.reason, (Date.parse(first.t) - Date.parse(started_at!)) / 1000];
};
/** Runs until something is stopped. */
const toStop = (engine: Engine) => engine.run(() => stops(engine).length > 0);

describe('silence', () => {
  // `quiet` is a session that prints nothing; the engine takes what hangs for one that does.
  const quiet = (signs: object) => ({ work: { a: [{ hangs: true, quiet: true, signs }] } });

  it('means more while the model thinks than while a tool runs', () => {
    expect(stopped(toStop(running(begin(quiet({}))))).slice(0, 2)).toEqual(['idle', 300]);
    expect(stopped(toStop(running(begin(quiet({ in_tool: true })))))).toEqual(['idle', 1800]);
  });

  it('of tools never means more than of the model', () => {
    const limits = { ...LIMITS, idle_timeout_seconds: 2400 };
    expect(stopped(toStop(running(begin(quiet({ in_tool: true }), { limits }))))).toEqual(['idle', 2400]);
    const none = { ...LIMITS, idle_timeout_seconds: null };
    expect(stopped(toStop(running(begin(quiet({ in_tool: true }), { limits: none }))))[0]).toBe('timeout');
  });

  it('after it said that it is through is an end, and its word counts', () => {
    const engine = toStop(running(begin(quiet({ through: true }))));
    expect(stopped(engine)).toEqual(['result', RESULT_GRACE_MS / 1000]);
    expect(engine.run().state.status.name).toBe('completed');
  });

  it('after its answer is an end, too, when nothing in the background wakes it for as long as a model may think', () => {
    const engine = toStop(running(begin(quiet({ answered: true, in_tool: true }))));
    expect(stopped(engine)).toEqual(['result', 300]);
    expect(engine.run().state.status.name).toBe('completed');
  });

  it('of a judge that has judged is an end as well', () => {
    const review = { enabled: true, per_subtask: true, max_loops: 3, recurring_issue_threshold: 3 };
    for (const judge of [{ hung: true }, { hangs: true, quiet: true, signs: { through: true } }]) {
      const script = { gates: { review: [{ approves: true as const, ...judge }] } };
      const engine = begin(script, { review }).run();
      expect(engine.state.status.name).toBe('completed');
      const took = Date.parse(engine.state.ended_at!) - Date.parse(engine.state.started_at!);
      expect(took).toBeLessThan(2 * RESULT_GRACE_MS);
    }
  });
});

describe('the end of its time', () => {
  const progressing = (at: (engine: Engine) => string | null) => {
    const engine = running(begin({ work: { a: [{ hangs: true, signs: {} }] } }));
    const began = engine.now;
    const { signs } = engine.live('a/1')!;
    while (stops(engine).length === 0 && engine.now < began + 3 * 3_600_000) {
      engine.now += 60_000;
      signs!.progress_at = at(engine);
      engine.look();
    }
    return (engine.now - began) / 60_000;
  };

  it('is put off while it gets somewhere, by half of its time at most', () => {
    expect(progressing(() => null)).toBe(60);
    expect(progressing(engine => new Date(engine.now).toISOString())).toBe(90);
  });

  it('comes as soon as it gets nowhere any more', () => {
    const last = (engine: Engine) => new Date(Math.min(engine.now, START + 62 * 60_000)).toISOString();
    const START = Date.parse('2026-01-27T08:00:00Z');
    expect(progressing(last)).toBe(62 + PROGRESS_MS / 60_000);
  });
});

it('a session that goes in circles is stopped, and the next one is told', () => {
  const script = { work: { a: [{ hangs: true, signs: { loop: 'Bash {"command":"npm test"}' } }, {}] } };
  const engine = begin(script).run();
  expect(stops(engine)).toMatchObject([{ reason: 'loop', loop: 'Bash {"command":"npm test"}' }]);
  expect(engine.state.steps[0]!.history.map(h => h.outcome)).toEqual(['stalled', 'ok']);
  expect(engine.state.steps[0]!.history[0]!.reason).toContain('the same call again and again');
  expect(engine.state.steps[0]!.history[0]!.reason).toContain('npm test');
});
