/** What follows a failed attempt (task-model 4): when it may be tried again, or who has to look first. Pure. */

import type { BlockReason, Outcome, WaitReason } from '../contract/status.ts';
import { budgetText } from './budget.ts';
import { isAgentStep, SETUP_NAME, subtaskIn, subtaskOf } from './gates-of.ts';
import { jitterMs, waitForLimit } from './limit-policy.ts';
import { serviceExhausted, serviceVerdict } from './service.ts';
import type { Attempt, AttemptRecord, Step, TaskState } from './state.ts';
import { sinceMs } from './wall-time.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const RETRY = {
  /** Backoff of commands that may be tried more than once. */
  command_base_ms: SECOND,
  command_max_ms: MINUTE,
  lost_base_ms: SECOND,
  lost_max_ms: MINUTE,
  /** Attempts lost in a row, within this time, before somebody must look at the machine. */
  lost_max: 3,
  lost_window_ms: 10 * MINUTE,
  passing_base_ms: 10 * SECOND,
  passing_max_ms: 5 * MINUTE,
  /** After this many short waits, one each quarter of an hour … */
  passing_short: 8,
  passing_long_ms: 15 * MINUTE,
  /** … for a day. */
  passing_total: 104,
  /** Longest wait that an agent may ask for. */
  passing_stated_max_ms: 60 * MINUTE,
  /** Questions, and sessions that did not fit into the context, in a row before a person is asked. */
  asked_max: 2,
  context_max: 2,
} as const;

/** What a person can do about a budget. */
export const again = (id: string) => `; \`rasen resume ${id}\` allows as much again`;

/** No agent can mend what works in the worktree and does not beside it. */
const setUp = (id: string) =>
  `it had passed in the worktree. See its output with \`rasen logs ${id}\`, and go on with \`rasen resume ${id}\``;

export interface Verdict {
  retry_at: string | null;
  wait: WaitReason | null;
  block: { why: BlockReason; message: string } | null;
}

/** The verdict on an attempt that is about to be closed with `outcome`. */
export function verdictOf(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  outcome: Outcome,
  reason: string | null,
  nowMs: number,
): Verdict {
  if (step.kind === 'service') return serviceVerdict(state, step, attempt, outcome, reason, nowMs);
  const at = (ms: number) => new Date(nowMs + ms).toISOString();
  const pause = (ms: number): Verdict => ({ retry_at: ms > 0 ? at(ms) : null, wait: null, block: null });
  const wait = (why: WaitReason, until: string): Verdict => ({ retry_at: until, wait: why, block: null });
  const block = (why: BlockReason, message: string): Verdict => ({
    retry_at: null,
    wait: null,
    block: { why, message },
  });
  const what = `${step.id}, attempt ${attempt.n}`;
  const { held } = attempt;
  const before = held ? (held.outcome === outcome ? held.times : 0) : inARow(step, outcome, attempt);
  const row = before + 1;
  const stated = statedEnd(attempt, nowMs);

  switch (outcome) {
    case 'ok':
    case 'killed':
    // Only ever of one that should go on with a session, which the next one does not.
    case 'session_lost':
      return pause(0);
    case 'startup':
      return block('config', `${what} could not start: ${reason ?? 'no reason given'}`);
    case 'auth':
      return block('auth', `${what}: the agent is not logged in: ${reason ?? 'no reason given'}`);
    case 'asked':
      if (row < RETRY.asked_max && step.passing < RETRY.passing_total)
        return pause(state.spec.limits.session_delay_seconds * SECOND);
      return block('question', `${what}: the agent asks: ${reason ?? 'nothing it put into words'}`);
    case 'limit': {
      if (step.passing >= RETRY.passing_total)
        return block('budget', `${what}: ${step.passing} attempts in a row met a limit or an overload`);
      const verdict = waitForLimit(state, step, attempt, row, stated, nowMs);
      if ('refused' in verdict) return block('budget', `${what}: ${verdict.refused}`);
      return wait('limit', new Date(verdict.wait_until_ms).toISOString());
    }
    case 'overloaded':
    case 'network': {
      if (step.passing >= RETRY.passing_total)
        return block('config', `${what}: ${outcome} for a day: ${reason ?? ''}`);
      const short = Math.min(RETRY.passing_max_ms, RETRY.passing_base_ms * 2 ** step.passing);
      const usual = step.passing < RETRY.passing_short ? short : RETRY.passing_long_ms;
      const ms = stated !== null && stated > 0 ? Math.min(stated, RETRY.passing_stated_max_ms) : usual;
      // All tasks have met the same overload: they must not come back in the same second.
      return wait(outcome, at(ms + jitterMs(attempt, ms)));
    }
    case 'lost': {
      // It went down with its machine.
      if (attempt.boot !== state.boot) return pause(0);
      if (step.lost + 1 >= RETRY.lost_max && isSudden(step, nowMs)) {
        return block(
          'config',
          `${what}: lost ${RETRY.lost_max} times in a row within ${RETRY.lost_window_ms / MINUTE} minutes; something on this machine ends it`,
        );
      }
      return pause(step.lost === 0 ? 0 : Math.min(RETRY.lost_max_ms, RETRY.lost_base_ms * 2 ** step.lost));
    }
    case 'context':
      if (row < RETRY.context_max) return pause(state.spec.limits.session_delay_seconds * SECOND);
      return block('attempts', `${what}: does not fit into the agent's context; split this subtask`);
    case 'budget': {
      const { max_runtime_seconds } = state.spec.limits;
      // The day's comes back by itself.
      const { over } = attempt;
      if (over?.until) return Date.parse(over.until) > nowMs ? wait('budget', over.until) : pause(0);
      const used =
        attempt.stop_reason === 'runtime'
          ? `max_runtime_seconds (${max_runtime_seconds}) of active time used`
          : over
            ? [budgetText(over), reason].filter((text, i, all) => text && all.indexOf(text) === i).join('; ')
            : (reason ?? 'no reason given');
      return block('budget', `${what}: the budget is used up: ${used}${over ? again(state.id) : ''}`);
    }
    default: {
      const refused = attempt.gates.find(
        g => g.evidence && !g.evidence.passed && !g.evidence.tolerated,
      )?.evidence;
      if (refused?.needs_person)
        return block('review', `${what}: ${refused.name} gate: ${refused.reason ?? 'refused'}`);
      if (refused?.kind === 'setup' && !(attempt.sets_up && refused.name === SETUP_NAME.work))
        return block(
          'config',
          `${what}: ${refused.name} failed in a fresh checkout (${refused.reason}); ${setUp(state.id)}`,
        );
      // Its next try waits for the fix anyway.
      if (step.kind === 'final') return pause(0);
      if (isAgentStep(state, step)) return pause(state.spec.limits.session_delay_seconds * SECOND);
      return pause(Math.min(RETRY.command_max_ms, RETRY.command_base_ms * 2 ** Math.min(step.counted, 10)));
    }
  }
}

/** Whether the last of a row of lost attempts came so soon that the machine, and not chance, has to be looked at. */
function isSudden(step: Step, nowMs: number): boolean {
  const first = step.history.filter(record => record.outcome === 'lost').at(-(RETRY.lost_max - 1));
  if (first === undefined) return false;
  return sinceMs({ t: first.ended_at, set_ms: first.set_ms }, nowMs) <= RETRY.lost_window_ms;
}

/** Overloaded attempts in a row after which the next one has the fallback model, where one is configured. */
export const FALLBACK_AFTER = 3;

export const needsFallback = (step: Step): boolean =>
  inARow(step, 'overloaded', step.attempt ?? {}) >= FALLBACK_AFTER;

/** Closed attempts of the same agent with this outcome, without another between, since a person last said go on. */
function inARow(step: Step, outcome: Outcome, { agent }: Pick<Attempt, 'agent'>): number {
  const fresh = outcome === 'context' ? step.counted : step.passing;
  const says = (record: AttemptRecord) =>
    record.outcome !== 'lost' && record.outcome !== 'session_lost' && record.agent === agent;
  const other = step.history.findLastIndex(record => record.outcome !== outcome && says(record));
  const same = step.history
    .slice(other + 1)
    .filter(record => record.outcome === outcome && record.agent === agent).length;
  return Math.min(fresh, same);
}

/** Milliseconds until the end that the agent stated (negative: over); null: none. */
function statedEnd(attempt: Attempt, nowMs: number): number | null {
  const stated = attempt.claim?.retry_at;
  return stated ? Date.parse(stated) - nowMs : null;
}

/** Attempts that a step may use up. */
export function allowanceOf(state: TaskState, step: Step): number {
  switch (step.kind) {
    case 'plan':
      return 3;
    case 'setup':
    case 'baseline':
      return 1;
    // By what serviceExhausted says.
    case 'service':
      return Number.POSITIVE_INFINITY;
    case 'finally':
    case 'subtask': {
      const subtask = subtaskOf(state, step.id);
      const own = subtask.attempts ?? ('agent' in subtask.do ? state.spec.limits.attempts : 1);
      return Math.min(own, roundsOf(state, step));
    }
    case 'fix':
      return state.spec.limits.attempts;
    case 'final':
      return finalLoops(state, step);
  }
}

/** Attempts after which the judge that refused last has had all its rounds; attempts refused by others come on top. */
function roundsOf(state: TaskState, step: Step): number {
  const gate = step.history.at(-1)?.gate;
  const loops =
    gate === 'review' ? state.spec.review.max_loops : gate === 'qa' ? state.spec.qa.max_loops : null;
  if (loops === null) return Number.POSITIVE_INFINITY;
  const counted = step.history
    .filter(h => h.counted)
    .slice(step.counted === 0 ? Number.POSITIVE_INFINITY : -step.counted);
  return step.counted - counted.filter(h => h.gate === gate).length + loops;
}

/** How often the final gates may send the work back: the limit of the gate that refused last. */
function finalLoops(state: TaskState, step: Step): number {
  const gate = step.history.at(-1)?.gate;
  if (gate === 'review') return state.spec.review.max_loops;
  if (gate === 'qa') return state.spec.qa.max_loops;
  return state.spec.limits.attempts;
}

/** Why a pending step is given up, or null while it may be tried again. */
export function exhaustionOf(state: TaskState, step: Step): string | null {
  if (step.kind === 'service') return serviceExhausted(state, step);
  const last = step.history.at(-1);
  if (!last || last.outcome === 'ok') return null;
  if (last.outcome === 'lost' && step.lost > 0 && subtaskIn(state, step)?.on_lost === 'fail') {
    return `lost in attempt ${last.n}, and on_lost is "fail"`;
  }
  const { max_no_commit_sessions } = state.spec.limits;
  if (isAgentStep(state, step) && step.no_commit >= max_no_commit_sessions) {
    return `stalled: ${step.no_commit} attempts in a row changed nothing`;
  }
  if (step.counted >= allowanceOf(state, step)) {
    const how = `${step.counted} attempt${step.counted === 1 ? '' : 's'}, the last: ${last.outcome}`;
    return last.reason ? `${how} (${last.reason})` : how;
  }
  return null;
}
