/**
 * Budgets: how many tokens and dollars sessions may use, of one attempt, one subtask, the task, and all tasks of this
 * rasen in one day. Pure. What is used is what ended sessions have said, of work and of judges alike, and what those
 * that go on have said so far. Tokens are input (from a cache or not) and output, as the views show them.
 *
 * A budget that is used up ends what runs, and starts no session. That of a day waits for the next one; the others wait
 * for a person: `rasen resume` then allows each of them that is used up once more (fold-usage.ts).
 */
import { BUDGETS, type Budget, type BudgetUse } from '../contract/budget.ts';
import type { Observed } from './effect.ts';
import { isAgentStep, subtaskOf } from './gates-of.ts';
import type { Step, TaskState, Used } from './state.ts';

/** From this share on a budget of a task or a day is nearly used up, and somebody may want to know. */
export const NEARLY = 0.8;

export const NOTHING_USED: Used = { tokens: 0, usd: 0 };

const minus = (a: Used, b: Used): Used => ({ tokens: a.tokens - b.tokens, usd: a.usd - b.usd });
const plus = (a: Used, b: Used): Used => ({ tokens: a.tokens + b.tokens, usd: a.usd + b.usd });

/** What the task has used, with what it has handed over, without what still goes on. */
export const usedBy = (state: TaskState): Used =>
  plus(
    { tokens: state.input_tokens + state.output_tokens, usd: state.cost_usd ?? 0 },
    state.handed_used ?? NOTHING_USED,
  );

/** Whether anything is to be counted against a limit. */
export function hasBudget(state: TaskState): boolean {
  const own = state.plan?.subtasks.some(({ limits }) => limits.tokens !== null || limits.usd !== null);
  return own === true || BUDGETS.some(budget => state.spec.limits[budget] !== null);
}

function limitOf(state: TaskState, step: Step | null, budget: Budget): number | null {
  const own = step?.kind === 'subtask' ? subtaskOf(state, step.id).limits : null;
  const ofTask = state.spec.limits[budget];
  if (budget === 'subtask_tokens') return own?.tokens ?? ofTask;
  return budget === 'subtask_usd' ? (own?.usd ?? ofTask) : ofTask;
}

/** What sessions that go on have said so far. */
function live(step: Step, { job }: Pick<Observed, 'job'>): Used {
  const { attempt } = step;
  if (!attempt) return NOTHING_USED;
  const works = attempt.phase === 'running' || attempt.phase === 'stopping';
  const jobs = [...(works ? [attempt.job] : []), ...attempt.gates.filter(g => g.live).map(g => g.job)];
  return jobs.map(name => job(name)?.signs?.used ?? NOTHING_USED).reduce(plus, NOTHING_USED);
}

type Scope = 'attempt' | 'subtask' | 'task' | 'day';
const SCOPES: Readonly<Record<Budget, Scope>> = {
  attempt_tokens: 'attempt',
  attempt_usd: 'attempt',
  subtask_tokens: 'subtask',
  subtask_usd: 'subtask',
  tokens: 'task',
  usd: 'task',
  tokens_per_day: 'day',
  usd_per_day: 'day',
};
const isMoney = (budget: Budget) => budget.includes('usd');

type Seen = Pick<Observed, 'job' | 'day'>;

/** Every budget that holds for a session of the step; null: those of the task and the day alone. */
export function budgetsOf(state: TaskState, step: Step | null, seen: Seen): BudgetUse[] {
  const limits = BUDGETS.map(budget => ({ budget, limit: limitOf(state, step, budget) }));
  const set = limits.filter((row): row is { budget: Budget; limit: number } => row.limit !== null);
  if (set.length === 0) return [];
  const used: Record<Scope, () => Used | null> = {
    attempt: () =>
      step?.attempt ? plus(minus(step.attempt.used, step.attempt.used_before), live(step, seen)) : null,
    subtask: () => step && plus(minus(step.used, step.used_before), live(step, seen)),
    task: () => state.steps.map(s => live(s, seen)).reduce(plus, minus(usedBy(state), state.used_before)),
    day: () => seen.day().used,
  };
  return set.flatMap(({ budget, limit }) => {
    const sum = used[SCOPES[budget]]();
    if (sum === null) return [];
    const until = SCOPES[budget] === 'day' ? new Date(seen.day().ends_at_ms).toISOString() : null;
    return [{ budget, used: isMoney(budget) ? sum.usd : sum.tokens, limit, until }];
  });
}

/** The budget that forbids a session of the step; that for which a person is needed before that which time renews. */
export function usedUp(state: TaskState, step: Step, seen: Seen): BudgetUse | null {
  const over = budgetsOf(state, step, seen).filter(({ used, limit }) => used >= limit);
  return over.find(({ until }) => until === null) ?? over[0] ?? null;
}

/**
 * Until when a task that waits for the next day goes on to wait, whatever the sum of today says: after a restart it is
 * known only in part. null: it does not, or the clock was set back since.
 */
export function waitsForDay({ status }: TaskState, seen: Pick<Observed, 'now_ms' | 'day'>): number | null {
  if (status.name !== 'waiting' || status.why !== 'budget') return null;
  const at = Date.parse(status.resume_at);
  return at > seen.now_ms && at <= seen.day().ends_at_ms ? at : null;
}

/** Budgets of task and day that are nearly used up, and of which that was not said yet. */
export function nearlyUsed(state: TaskState, seen: Seen): BudgetUse[] {
  return budgetsOf(state, null, seen).filter(
    use => use.used >= NEARLY * use.limit && !state.warned.includes(warningOf(use)),
  );
}

/** Names one warning: a budget of a day has one each day. */
export const warningOf = ({ budget, until }: Pick<BudgetUse, 'budget' | 'until'>): string =>
  until === null ? budget : `${budget} ${until}`;

/** The budgets of the task and of one step, by what ended sessions have said: what the state alone tells. */
export function budgetsSoFar(state: TaskState, step: Step | null): BudgetUse[] {
  const nothing = { job: () => null, day: () => ({ used: NOTHING_USED, ends_at_ms: 0 }) };
  return budgetsOf(state, step, nothing).filter(({ until }) => until === null);
}

/** The task's own budget that is used most, by what ended sessions have said; null: it has none. */
export function budgetShare(state: TaskState): (BudgetUse & { share: number }) | null {
  const shares = budgetsSoFar(state, null).map(use => ({ ...use, share: use.used / use.limit }));
  return shares.reduce<(typeof shares)[number] | null>(
    (most, s) => (most && most.share >= s.share ? most : s),
    null,
  );
}

/**
 * Dollars that are left for a session of the step; null: nobody counts them. Of what is left to all of them, each session
 * that may run beside it has the same share: its program may say what it used only at its end.
 */
export function dollarsLeft(state: TaskState, step: Step, seen: Seen): number | null {
  const left = budgetsOf(state, step, seen)
    .filter(({ budget }) => isMoney(budget))
    .map(({ budget, limit, used }) => {
      const is_shared = SCOPES[budget] === 'task' || SCOPES[budget] === 'day';
      return Math.max(0, limit - used) / (is_shared ? sideBySide(state) : 1);
    });
  return left.length === 0 ? null : Math.min(...left);
}

/** Sessions of the task that may run at once, as far as there is work for them; in a git worktree one alone. */
function sideBySide(state: TaskState): number {
  if (state.spec.workspace.kind === 'git') return 1;
  const to_do = state.steps.filter(
    s => isAgentStep(state, s) && (s.status === 'pending' || s.status === 'in_progress'),
  );
  return Math.max(1, Math.min(state.spec.limits.parallel, to_do.length));
}

/** In words: how much of what, and the key that says so. */
export function budgetText({ budget, used, limit }: Pick<BudgetUse, 'budget' | 'used' | 'limit'>): string {
  const amount = isMoney(budget)
    ? `${dollars(used)} of ${dollars(limit)}`
    : `${thousands(used)} of ${thousands(limit)} tokens`;
  const whose = SCOPES[budget] === 'day' ? ' today by all tasks' : '';
  return `${amount} used${whose} (limits.${budget})`;
}

/** To the cent; of less than a dollar, all that counts. */
const dollars = (usd: number) => `$${usd >= 1 || usd === 0 ? usd.toFixed(2) : Number(usd.toPrecision(2))}`;
const thousands = (n: number) => String(Math.round(n)).replace(/\B(?=(?:\d{3})+$)/g, ',');
