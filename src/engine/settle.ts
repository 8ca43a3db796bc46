/**
 * settle: what came of an effect, as events. Pure. Gives null when the state has moved on meanwhile and the result is
 * no longer wanted.
 */
import type { NewEvent } from '../contract/event.ts';
import { close, closesOf, mayHaveStarted } from './attempt.ts';
import type { Effect, EndFacts, Result } from './effect.ts';
import { endOfGate } from './end-of-gate.ts';
import { endOfWork } from './end-of-work.ts';
import { clip, evidenceOf } from './evidence.ts';
import { gatesOf } from './gates-of.ts';
import { toldByPrompt, toldLive } from './notes.ts';
import { isToldOf, type Notified } from './notices.ts';
import { readySeconds, serviceOf } from './service.ts';
import { type Attempt, type Refusal, type Step, stepOf, type TaskState } from './state.ts';

/** Longest reason why a person was not told; the state keeps a hundred of them. */
const MAX_DETAIL = 300;
/** A launch takes a moment. What takes longer was in trouble. */
const LATE_MS = 2000;

export function settle(state: TaskState, effect: Effect, result: Result, nowMs: number): NewEvent[] | null {
  if (effect.type === 'merge') {
    if (result.type !== 'merge' || state.merge?.op !== effect.op) return null;
    const gates = result.gates.map(({ gate, commit, tree, found }) =>
      evidenceOf(gate, { commit, tree }, found),
    );
    return [{ type: 'merged', op: effect.op, ...result.merged, gates }];
  }
  if (effect.type === 'rollback') {
    const { rollback } = state;
    if (result.type !== 'rollback' || rollback?.op !== effect.op) return null;
    const { commit, steps } = rollback;
    return [...closesOf(state, 'rolled back'), { type: 'rolled_back', commit, steps }];
  }
  if (effect.type === 'notify') {
    if (result.type !== 'notify' || isToldOf(state, effect.notice)) return null;
    return [notified(effect.notice, result)];
  }
  const step = stepOf(state, effect.step);
  const attempt = step.attempt;
  if (attempt?.n !== effect.n) return null;
  const at = { step: step.id, n: attempt.n };

  switch (result.type) {
    case 'prepare': {
      if (attempt.phase !== 'created') return null;
      const { workspace } = result;
      const events: NewEvent[] =
        workspace && !state.workspace ? [{ type: 'workspace_ready', ...workspace }] : [];
      const { record_key, setup, base_config, sources } = result;
      const known = {
        ...(setup === undefined ? {} : { setup }),
        ...(base_config === undefined ? {} : { base_config }),
        ...(sources === undefined ? {} : { sources }),
      };
      const { port = null } = result;
      const has = port === null ? {} : { port };
      return [...events, { type: 'attempt_prepared', ...at, record_key, ...known, ...has }];
    }
    case 'launch':
      if (effect.type === 'launch' && effect.gate !== null)
        return lateGate(step, attempt, effect.gate, nowMs);
      if (effect.type !== 'launch' || attempt.phase !== 'prepared') return null;
      return [
        {
          ...{ type: 'attempt_started' as const, ...at, pid: result.pid },
          ...{ cage: result.cage, sandbox: result.sandbox, talks: result.talks },
        },
        ...toldByPrompt(state, step, attempt),
      ];
    case 'tell':
      if (effect.type !== 'tell' || !result.said) return null;
      return toldLive(state, step, attempt, [effect.note]);
    case 'end': {
      if (effect.type !== 'end') return null;
      const forged = forgeries(effect, result.facts);
      if (attempt.phase === 'ended' && effect.gate === null && mayHaveStarted(attempt)) {
        const { session } = result.facts;
        const { events } = close(state, step, attempt, 'startup', attempt.message, nowMs);
        return [
          ...forged,
          ...events.map(event => (event.type === 'attempt_closed' ? { ...event, session } : event)),
        ];
      }
      const ended =
        effect.gate === null
          ? endOfWork(state, step, attempt, result.facts)
          : endOfGate(state, step, attempt, effect, result.facts, nowMs);
      return ended && [...forged, ...ended];
    }
    case 'seal':
      return attempt.phase === 'ended' ? [{ type: 'attempt_sealed', ...at, sealed: result.sealed }] : null;
    case 'judge': {
      if (effect.type !== 'judge' || attempt.gates.some(g => g.gate === effect.gate && g.evidence))
        return null;
      const evidence = evidenceOf(gatesOf(state, step)[effect.gate]!, attempt.sealed!, result.found);
      return [{ type: 'gate_ended', ...at, gate: effect.gate, try: 1, evidence }];
    }
    case 'mark_good': {
      // It would be good beyond the commit that the task goes back to.
      if (state.rollback) return null;
      if (effect.type !== 'mark_good' || attempt.phase !== 'sealed' || effect.k !== state.good.length + 1)
        return null;
      const closed = close(state, step, attempt, 'ok', null, nowMs).events;
      return [...closed, { type: 'step_completed', step: step.id, commit: effect.commit, good: effect.k }];
    }
    case 'accept_plan': {
      if (state.rollback || attempt.accepted || attempt.phase !== 'ended') return null;
      if (result.accepted) {
        const { plan, sha256 } = result.accepted;
        // The plan comes first: were only the first of these durable, the rest would still be to be done.
        return [
          { type: 'plan_frozen', plan, sha256, rev: state.plan_rev + 1, source: 'planner' },
          ...close(state, step, attempt, 'ok', null, nowMs).events,
          { type: 'step_completed', step: step.id, commit: null, good: null },
        ];
      }
      return close(state, step, attempt, 'failed', clip(result.problem ?? 'no plan'), nowMs).events;
    }
    case 'probe':
      return effect.type === 'probe' ? probed(state, step, attempt, effect, result) : null;
    case 'merge':
    case 'rollback':
    case 'notify':
      return null;
  }
}

/** What was found out about a service that still runs and is still wanted. */
function probed(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  { what, job }: Extract<Effect, { type: 'probe' }>,
  { found, detail }: Extract<Result, { type: 'probe' }>,
): NewEvent[] | null {
  if (attempt.phase !== 'running' || attempt.job !== job || found === 'gone') return null;
  const at = { step: step.id, n: attempt.n };
  const is_ready = (step.service?.ready_at ?? null) !== null;
  if (found === 'ready') return what === 'ready' && !is_ready ? [{ type: 'service_ready', ...at }] : null;
  if (is_ready !== (what === 'health')) return null;
  const service = serviceOf(state, step);
  const [reason, why] =
    what === 'ready'
      ? (['unready', `not ready within ${readySeconds(service)} s: ${detail}`] as const)
      : (['unhealthy', `not well any more: ${detail}`] as const);
  return [{ type: 'attempt_stopping', ...at, reason, why: clip(why) }];
}

/** A launch that had to wait for the machine has cost the gate none of its time. */
function lateGate(step: Step, attempt: Attempt, gate: number, nowMs: number): NewEvent[] | null {
  const run = attempt.gates.find(g => g.gate === gate);
  if (!run?.live) return null;
  const ms = nowMs - Date.parse(run.started_at) - run.paused_ms;
  if (ms < LATE_MS) return null;
  return [{ type: 'gate_delayed', step: step.id, n: attempt.n, gate, try: run.try, ms }];
}

const notified = (key: string, { ok, detail, failed, final }: Omit<Notified, 'key' | 't'>): NewEvent => ({
  type: 'notified',
  key,
  ok,
  detail: detail === null ? null : clip(detail).slice(0, MAX_DETAIL),
  ...(failed ? { failed } : {}),
  ...(final ? { final } : {}),
});

/** Why an effect cannot be done. */
export type Failure = Omit<Refusal, 'op'>;

/** An effect that cannot be done, as events; null: it has to be tried again. */
export function settleFailure(
  state: TaskState,
  effect: Effect,
  failure: Failure,
  nowMs: number,
): NewEvent[] | null {
  if (effect.type === 'end' || effect.type === 'tell' || effect.type === 'probe') return null;
  if (effect.type === 'merge' || effect.type === 'rollback') {
    const { op } = effect;
    return state[effect.type]?.op === op ? [{ type: `${effect.type}_refused`, op, ...failure }] : [];
  }
  // What went wrong, and what to do about it where that is known.
  const message = failure.hint ? `${failure.message}. ${failure.hint}` : failure.message;
  if (effect.type === 'notify')
    return isToldOf(state, effect.notice) ? [] : [notified(effect.notice, { ok: false, detail: message })];
  const step = stepOf(state, effect.step);
  const attempt = step.attempt;
  if (attempt?.n !== effect.n) return [];
  const at = { step: step.id, n: attempt.n };
  if (!isWanted(effect, attempt)) return [];
  const t = new Date(nowMs).toISOString();
  const text = clip(message);
  if (effect.type === 'launch' && effect.gate !== null) {
    const run = attempt.gates.find(g => g.gate === effect.gate);
    return run?.live
      ? [
          {
            type: 'gate_dropped',
            ...at,
            gate: run.gate,
            try: run.try,
            outcome: 'lost',
            ended_at: run.started_at,
          },
        ]
      : [];
  }
  if (attempt.work && (attempt.phase === 'created' || attempt.phase === 'prepared')) {
    const none = { code: null, signal: null, ended_at: t, output_bytes: 0, dropped_bytes: 0, claim: null };
    return [{ type: 'attempt_ended', ...at, outcome: 'startup', message: text, ...none }];
  }
  const full = `${step.id}, attempt ${attempt.n}: ${text}`;
  // What was worked is there, in the worktree or in a commit: the attempt stays open, and goes on from here.
  if (attempt.phase === 'ended' || attempt.phase === 'sealed') return blockedAt(state, step, full);
  const block = { why: 'config' as const, message: full };
  return [
    { type: 'attempt_closed', ...at, outcome: 'startup', reason: text, retry_at: null, wait: null, block },
  ];
}

/** The task needs a person, when nothing of it is alive any more; until then it is tried again. */
function blockedAt(state: TaskState, step: Step, message: string): NewEvent[] | null {
  const { name } = state.status;
  if (name === 'blocked' || name === 'interrupted') return [];
  // Services are stopped when it is blocked.
  const others = state.steps.filter(other => other !== step && other.kind !== 'service');
  if (others.some(other => other.attempt && mayLive(other.attempt))) return null;
  return [{ type: 'task_blocked', why: 'config', message, subtask: step.id }];
}

const mayLive = ({ phase, gates }: Attempt): boolean =>
  phase === 'running' || phase === 'stopping' || gates.some(gate => gate.live);

/** Whether the attempt still is where the effect was asked for; a stop may have come meanwhile. */
function isWanted(
  effect: Exclude<Effect, { type: 'merge' | 'rollback' | 'end' | 'tell' | 'probe' | 'notify' }>,
  attempt: Attempt,
): boolean {
  switch (effect.type) {
    case 'prepare':
      return attempt.phase === 'created';
    case 'launch':
      return effect.gate !== null || attempt.phase === 'prepared';
    case 'seal':
      return attempt.phase === 'ended';
    case 'judge':
      return attempt.gates.every(g => g.gate !== effect.gate);
    case 'mark_good':
      return attempt.phase === 'sealed';
    case 'accept_plan':
      return attempt.phase === 'ended' && !attempt.accepted;
  }
}

function forgeries({ step, n, gate }: Extract<Effect, { type: 'end' }>, { forged }: EndFacts): NewEvent[] {
  return forged.length === 0 ? [] : [{ type: 'records_forged', step, n, gate, what: forged.map(clip) }];
}
