/**
 * Thousands of restarts in over a thousand simulated lives. What a life does follows from its seed:
 * `SIMULATION_SEED=7 vitest run … simulation` lives number 7 alone and shows its events when it goes wrong.
 */
import { expect, it } from 'vitest';
import { BUDGETS } from '../../src/contract/budget.ts';
import { EVENT_TYPES } from '../../src/contract/event.ts';
import { OUTCOMES, WAIT_REASONS } from '../../src/contract/status.ts';
import { Life } from './simulation.ts';
import { Coverage } from './simulation-check.ts';
import {
  cancelledEarly,
  cancelledInTrouble,
  type Draft,
  draftOf,
  dryForTheDay,
  replannedWhileWaiting,
} from './simulation-draft.ts';

/** Told from outside of the engine, which does nothing about them: at a submit, by files that were forged, by requests. */
const ELSEWHERE = [
  'task_submitted',
  'repository_captured',
  'records_forged',
  'request_refused',
  'env_changed',
];
const LIVES = 1200;
const DIRECTED = 20;
/** Below this the lives have become tamer than they were meant to be. */
const MIN_CRASHES = 20_000;
const MIN_CRASH_POINTS = 300;
const SHOWN_EVENTS = 40;

function live(draft: Draft, coverage: Coverage): string | null {
  const life = new Life(draft, coverage);
  try {
    life.run();
    return null;
  } catch (error) {
    const last = life.journal().slice(-SHOWN_EVENTS);
    const text = last.map(
      ({ seq, t, type, mono: _mono, epoch: _epoch, ...rest }) =>
        `${seq} ${t} ${type} ${JSON.stringify(rest).slice(0, 200)}`,
    );
    return `seed ${draft.seed}: ${(error as Error).message}\n${text.join('\n')}`;
  }
}

const only = process.env.SIMULATION_SEED;

it.runIf(only !== undefined)('lives one life', () => {
  expect(live(draftOf(Number(only)), new Coverage())).toBeNull();
});

it.skipIf(only !== undefined)(
  'survives a crash after every effect and every event, and keeps the invariants',
  () => {
    const coverage = new Coverage();
    const violations: string[] = [];
    const drafts = function* () {
      for (let seed = 1; seed <= LIVES; seed++) yield draftOf(seed);
      for (let seed = 1; seed <= DIRECTED; seed++) yield replannedWhileWaiting(seed);
      for (let seed = 1; seed <= DIRECTED; seed++) yield cancelledEarly(seed);
      for (let seed = 1; seed <= DIRECTED; seed++) yield cancelledInTrouble(seed);
      for (let seed = 1; seed <= DIRECTED; seed++) yield dryForTheDay(seed);
    };
    for (const draft of drafts()) {
      const violation = live(draft, coverage);
      if (violation) violations.push(violation);
    }
    const { lives, crashes, crashPoints } = coverage;
    console.log(
      `simulation: ${lives} lives, ${crashes} crashes at ${crashPoints.size} distinct crash points, ${violations.length} violations`,
    );
    console.log(
      `simulation: ${coverage.eventsMade} events, ${coverage.transitions.size} transitions, ${coverage.outcomes.size} outcomes; ` +
        `at rest ${[...coverage.rests].map(([status, count]) => `${status} ${count}`).join(', ')}`,
    );
    expect(violations.slice(0, 3).join('\n\n')).toBe('');
    expect(lives).toBeGreaterThanOrEqual(LIVES);
    expect(crashes).toBeGreaterThan(MIN_CRASHES);
    expect(crashPoints.size).toBeGreaterThan(MIN_CRASH_POINTS);

    // What no life reaches is dead, or not tried.
    expect.soft(Coverage.allTransitions().filter(name => !coverage.transitions.has(name))).toEqual([]);
    expect.soft(BUDGETS.filter(name => !coverage.budgets.has(name))).toEqual([]);
    expect.soft(WAIT_REASONS.filter(name => !coverage.waits.has(name))).toEqual([]);
    expect.soft(coverage.stops).toContain('loop');
    expect.soft(coverage.stops).toContain('result');
    // Of services: up, in time or not, well no more, and stopped when nothing needs them.
    for (const reason of ['unready', 'unhealthy', 'done'] as const)
      expect.soft(coverage.stops).toContain(reason);
    expect
      .soft([...coverage.mutations].toSorted())
      .toEqual(expect.arrayContaining(['no source', 'seen', 'turned', 'unknown', 'unseen']));
    expect
      .soft([...coverage.relays])
      .toEqual(
        expect.arrayContaining([
          ...['to the next after limit', 'to the next after auth', 'to the next after overloaded'],
          ...['to a later one after auth', 'back within a step'],
        ]),
      );
    expect.soft([...coverage.config].toSorted()).toEqual(['approved', 'blocked']);
    expect(OUTCOMES.filter(name => !coverage.outcomes.has(name))).toEqual([]);
    const unable = ['limit', 'overloaded', 'network', 'auth', 'startup'].map(name => `${name}, held`);
    expect([...unable, 'budget'].filter(name => !coverage.dropped.has(name))).toEqual([]);
    const types = EVENT_TYPES;
    expect(types.filter(type => !ELSEWHERE.includes(type) && !coverage.events.has(type))).toEqual([]);
  },
  900_000,
);
