/** Budgets: how many tokens and dollars sessions may use, by their names in `limits`. Counted in engine/budget.ts. */

export const BUDGETS = [
  'attempt_tokens',
  'attempt_usd',
  'subtask_tokens',
  'subtask_usd',
  'tokens',
  'usd',
  'tokens_per_day',
  'usd_per_day',
] as const;
/** By its name in `limits`. */
export type Budget = (typeof BUDGETS)[number];

export interface BudgetUse {
  budget: Budget;
  used: number;
  limit: number;
  /** RFC 3339: when a budget of a day is whole again. null: when a person says so. */
  until: string | null;
}
