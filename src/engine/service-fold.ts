/** The part of the fold that is about services. Pure. */
import type { EventOf } from '../contract/event.ts';
import { recordOf } from './fold-attempt.ts';
import { phase, step } from './fold-tools.ts';
import { isFailure, MAX_FAILED_AT, NO_SERVICE, rowAfter } from './service.ts';
import { type Attempt, MAX_HISTORY, type ServiceFacts, stepOf, type TaskState } from './state.ts';

function edit(state: TaskState, id: string, change: (facts: ServiceFacts) => ServiceFacts): TaskState {
  return step(state, id, s => ({ ...s, service: change(s.service ?? NO_SERVICE) }));
}

export const serviceBegun = (state: TaskState, id: string): TaskState =>
  edit(state, id, facts => ({ ...facts, starts: facts.starts + 1, ready_at: null }));

/** Others are told of its port, so it stays; after a rest it may be another one, where somebody else took it. */
export function servicePrepared(state: TaskState, event: EventOf<'attempt_prepared'>): TaskState {
  const { port } = event;
  return port === undefined ? state : edit(state, event.step, facts => ({ ...facts, port }));
}

export function serviceReady(state: TaskState, event: EventOf<'service_ready'>): TaskState {
  const next = phase(state, event, ['running'], attempt => attempt);
  return edit(next, event.step, facts => ({ ...facts, ready_at: event.t }));
}

/** It is no work: what became of it says nothing of limits, logins or progress. */
export function serviceClosed(
  state: TaskState,
  event: EventOf<'attempt_closed'>,
  attempt: Attempt,
): TaskState {
  if (attempt.phase !== 'ended' && attempt.phase !== 'created')
    throw new Error(`task ${state.id}: ${event.step}/${event.n} closed while it is ${attempt.phase}`);
  const known = stepOf(state, event.step);
  const fails = isFailure(state, attempt, event.outcome);
  const ended_at = attempt.ended_at ?? event.t;
  const record = recordOf(state, attempt, event, fails);
  return edit(
    step(state, event.step, s => ({
      ...s,
      status: 'pending',
      attempt: null,
      passed: event.outcome === 'ok' ? { commit: null, good: false } : null,
      retry_at: event.retry_at,
      wait: event.wait,
      block: event.block,
      reason: event.reason,
      history: [...s.history, record].slice(-MAX_HISTORY),
    })),
    event.step,
    facts => ({
      ...facts,
      ready_at: null,
      row: fails ? rowAfter(known, Date.parse(ended_at)) : 0,
      failed_at: fails ? [...facts.failed_at, ended_at].slice(-MAX_FAILED_AT) : facts.failed_at,
    }),
  );
}
