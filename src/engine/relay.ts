/**
 * Relay: where a task has more agents than one, the next one takes over when the service of the one before is away for long
 * (a usage limit, a login that is missing, an hour of overload). It works in the same place, from the commit that was left, under
 * the same gates; what it used counts for itself. The first one is asked again at the next subtask when it is back. Judges are
 * never relayed. Pure.
 */
import type { EventOf } from '../contract/event.ts';
import type { Outcome } from '../contract/status.ts';
import { isAgentStep } from './gates-of.ts';
import { jitterMs } from './limit-policy.ts';
import type { Verdict } from './retry.ts';
import type { Attempt, Step, TaskState } from './state.ts';
import { sinceMs } from './wall-time.ts';

const HOUR_MS = 60 * 60_000;
/** Overload that lasts so long is no passing one; and an end that nobody states is looked for after this. */
const LONG_MS = HOUR_MS;

/** Why an agent has no turn, and until when; `until` null: until a person says go on. */
export type Away = NonNullable<EventOf<'attempt_closed'>['away']>;

/** The agent of an attempt, by its place in the list: 0 is the one that is configured as the coder. */
export const agentOfAttempt = ({ agent }: { agent?: number }): number => agent ?? 0;

/** Backend of an agent of the list. */
export function backendAt({ spec }: Pick<TaskState, 'spec'>, agent: number): string {
  return (agent === 0 ? spec.agents.coder?.backend : spec.relay?.agents[agent - 1]?.backend) ?? 'command';
}

/** Whether another agent may do the step: it is work, and that of the agent which the list begins with. */
export function canRelay(state: TaskState, step: Step): boolean {
  const { relay, agents } = state.spec;
  if (!relay || relay.agents.length === 0 || !isAgentStep(state, step)) return false;
  return (
    step.kind !== 'plan' ||
    JSON.stringify(agents.initializer ?? agents.coder) === JSON.stringify(agents.coder)
  );
}

function isAway({ away }: TaskState, agent: number, nowMs: number): boolean {
  const known = away?.[agent];
  return known !== undefined && (known.until === null || Date.parse(known.until) > nowMs);
}

const backAt = ({ away }: TaskState, agent: number): number => {
  const until = away?.[agent]?.until;
  return until === undefined ? 0 : until === null ? Number.POSITIVE_INFINITY : Date.parse(until);
};

/** Who ended so does not go on because of having begun. */
const LEAVES: ReadonlySet<Outcome> = new Set(['limit', 'auth', 'overloaded']);

/** Who does the next attempt of a step: who began it, if not the first, goes on; else the first of the list that is there. */
export function agentFor(state: TaskState, step: Step, nowMs: number): number {
  if (!canRelay(state, step)) return 0;
  const all = [0, ...state.spec.relay!.agents.map((_, i) => i + 1)];
  const free = all.filter(agent => !isAway(state, agent, nowMs));
  const last = step.history.findLast(record => record.work);
  const own = last === undefined ? 0 : agentOfAttempt(last);
  if (own > 0 && free.includes(own) && !LEAVES.has(last!.outcome)) return own;
  return free[0] ?? all.reduce((a, b) => (backAt(state, b) < backAt(state, a) ? b : a));
}

/**
 * What follows an attempt whose agent's service is away: at once the next agent, where one is there; else as usual, but no
 * later than the first of them is back.
 */
export function relayed(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  outcome: Outcome,
  usual: Verdict,
  nowMs: number,
): Verdict & { away?: Away } {
  if (!attempt.work || !canRelay(state, step)) return usual;
  const gone = goneFor(state, step, attempt, outcome, usual, nowMs);
  if (gone === null) return usual;
  const agent = agentOfAttempt(attempt);
  const until = Number.isFinite(gone) ? new Date(nowMs + gone).toISOString() : null;
  const away: Away = { agent, until, outcome };
  const then = withAway(state, away);
  const next = agentFor(then, step, nowMs);
  if (!isAway(then, next, nowMs)) return { retry_at: null, wait: null, block: null, away };
  const first = backAt(then, next);
  if (usual.block) return waitsFor(state, first, nowMs) ? { ...waitUntil(first), away } : { ...usual, away };
  const sooner = usual.retry_at !== null && first < Date.parse(usual.retry_at);
  return { ...usual, ...(sooner ? { retry_at: new Date(first).toISOString() } : {}), away };
}

/** What blocks one agent blocks nobody while another one is only waited for, as it would be without this one. */
function waitsFor({ spec }: TaskState, first_ms: number, nowMs: number): boolean {
  const { wait, max_wait_seconds } = spec.limits;
  return wait && Number.isFinite(first_ms) && first_ms - nowMs <= max_wait_seconds * 1000;
}

const waitUntil = (ms: number): Verdict => ({
  ...{ retry_at: new Date(ms).toISOString(), wait: 'limit', block: null },
});

/** For how long its agent is away, in ms; null: not for so long that another one would take over. */
function goneFor(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  outcome: Outcome,
  usual: Verdict,
  nowMs: number,
): number | null {
  if (outcome === 'limit') {
    const stated = attempt.claim?.retry_at ? Date.parse(attempt.claim.retry_at) - nowMs : null;
    if (stated === null || stated <= 0) return usual.block || stated === null ? LONG_MS : null;
    const short = stated <= state.spec.relay!.after_seconds * 1000;
    return short && !usual.block ? null : stated + jitterMs(attempt, stated);
  }
  if (outcome === 'auth') {
    const { login_retry_seconds } = state.spec.limits;
    return login_retry_seconds === null ? Number.POSITIVE_INFINITY : login_retry_seconds * 1000;
  }
  if (outcome !== 'overloaded') return null;
  const agent = agentOfAttempt(attempt);
  const before = step.history.findLastIndex(
    record => record.outcome !== 'overloaded' || agentOfAttempt(record) !== agent,
  );
  const first = step.history[before + 1];
  const since_ms = first ? sinceMs({ t: first.ended_at, set_ms: first.set_ms }, nowMs) : 0;
  return since_ms >= LONG_MS ? LONG_MS : null;
}

export const withAway = (state: TaskState, away: Away): TaskState => ({
  ...state,
  away: { ...state.away, [away.agent]: away },
});

/** A person said go on: whoever was away is asked again. */
export function allBack(state: TaskState): TaskState {
  const { away: _, ...rest } = state;
  return rest;
}

/**
 * The task as the agent of an attempt has it: in place of the coder (and of a planner that is the same). Models are named for
 * one backend, so they do not go along.
 */
export function asWorkedBy(state: TaskState, id: string, n: number | null): TaskState {
  const step = state.steps.find(s => s.id === id);
  if (!step || !state.spec.relay) return state;
  const known =
    step.attempt && (n === null || step.attempt.n === n) ? step.attempt : step.history.find(r => r.n === n);
  const agent = known ? agentOfAttempt(known) : 0;
  const chosen = state.spec.relay.agents[agent - 1];
  if (!chosen) return state;
  const { model, ...coder } = chosen;
  const { agents, models: before } = state.spec;
  const plans = step.kind === 'plan';
  const models = { ...before };
  for (const role of plans ? (['coder', 'initializer'] as const) : (['coder'] as const)) {
    if (model === undefined) delete models[role];
    else models[role] = model;
  }
  return {
    ...state,
    spec: {
      ...state.spec,
      agents: { ...agents, coder, ...(plans ? { initializer: coder } : {}) },
      models,
      fallback_models: {},
    },
    plan: state.plan && {
      ...state.plan,
      subtasks: state.plan.subtasks.map(s => (s.id === id ? { ...s, model: null } : s)),
    },
  };
}
