/** The part of the fold that is about what sessions use: sums of attempt, subtask, task and day. Pure. */

import type { Budget } from '../contract/budget.ts';
import type { Claim, EventOf, SessionFacts } from '../contract/event.ts';
import { budgetsSoFar, NOTHING_USED, usedBy, warningOf } from './budget.ts';
import { editAttempt, step } from './fold-tools.ts';
import { agentOfAttempt } from './relay.ts';
import type { Spending, Step, TaskState, Used } from './state.ts';

/** What was used is summed up by this much time: every zone of the world begins its days at a multiple of it. */
const QUARTER_MS = 15 * 60_000;
/** Longer than any day, one with an hour more included. */
const KEPT_MS = 26 * 3_600_000;
const MAX_WARNED = 50;

type Tokens = Pick<Claim, 'input_tokens' | 'output_tokens'>;

/**
 * Adds what a session of an attempt used, its work or a judge of it. Its program's word counts; `claimed`, what the
 * agent itself wrote down, where that says nothing.
 */
export function sessionUsed(
  state: TaskState,
  at: { step: string; n: number; t: string },
  session: SessionFacts | null | undefined,
  claimed: Tokens | null | undefined,
): TaskState {
  const { input_tokens, output_tokens } = session?.usage ?? claimed ?? { input_tokens: 0, output_tokens: 0 };
  const cost = session?.usage?.cost_usd ?? null;
  const more: Used = { tokens: input_tokens + output_tokens, usd: cost ?? 0 };
  if (more.tokens === 0 && cost === null) return state;
  const add = (used: Used): Used => ({ tokens: used.tokens + more.tokens, usd: used.usd + more.usd });
  const next = editAttempt(state, at.step, at.n, a => ({ ...a, used: add(a.used) }));
  return {
    ...step(next, at.step, s => ({ ...s, used: add(s.used) })),
    ...(state.spec.relay ? { used_by: addTo(state, at, add) } : {}),
    input_tokens: state.input_tokens + input_tokens,
    output_tokens: state.output_tokens + output_tokens,
    cost_usd: cost === null ? state.cost_usd : (state.cost_usd ?? 0) + cost,
    spending: spend(state.spending, at.t, more),
  };
}

/** Judges of an attempt are counted with it. */
function addTo({ steps, used_by }: TaskState, at: { step: string }, add: (used: Used) => Used) {
  const agent = agentOfAttempt(steps.find(s => s.id === at.step)?.attempt ?? {});
  return { ...used_by, [agent]: add(used_by?.[agent] ?? NOTHING_USED) };
}

function spend(spending: readonly Spending[], t: string, more: Used): Spending[] {
  const ms = Date.parse(t);
  const quarter = new Date(Math.floor(ms / QUARTER_MS) * QUARTER_MS).toISOString();
  const known = spending.find(s => s.t === quarter) ?? { t: quarter, ...NOTHING_USED };
  const others = spending.filter(s => s.t !== quarter && Math.abs(ms - Date.parse(s.t)) < KEPT_MS);
  return [...others, { t: quarter, tokens: known.tokens + more.tokens, usd: known.usd + more.usd }];
}

export function budgetNearlyUsed(state: TaskState, event: EventOf<'budget_nearly_used'>): TaskState {
  return { ...state, warned: [...state.warned, warningOf(event)].slice(-MAX_WARNED) };
}

/**
 * A person went on with a task that was blocked for its budget: each budget that is used up is allowed once more. The
 * others are not: a task that was stopped and resumed has used what it has used.
 */
export function renewed(state: TaskState): TaskState {
  if (state.status.name !== 'blocked' || state.status.why !== 'budget') return state;
  const over = (s: Step | null) =>
    new Set(budgetsSoFar(state, s).flatMap(({ budget, used, limit }) => (used >= limit ? [budget] : [])));
  const again = (s: Step | null, scope: '' | 'attempt_' | 'subtask_', before: Used, used: Used): Used => ({
    tokens: over(s).has(`${scope}tokens`) ? used.tokens : before.tokens,
    usd: over(s).has(`${scope}usd`) ? used.usd : before.usd,
  });
  const steps = state.steps.map(s => ({
    ...s,
    used_before: again(s, 'subtask_', s.used_before, s.used),
    attempt: s.attempt && {
      ...s.attempt,
      used_before: again(s, 'attempt_', s.attempt.used_before, s.attempt.used),
    },
  }));
  const whole = over(null);
  const warned = state.warned.filter(name => !whole.has(name as Budget));
  return {
    ...state,
    ...{ steps, warned, used_before: again(null, '', state.used_before, usedBy(state)) },
  };
}
