/**
 * When `setup` has to run. It belongs to a checkout, not to a task: it runs where the work is done, again when what it
 * reads has changed, and in every other checkout that judges. Pure. What it reads is told by a key: the same key, the same
 * lock files (supervisor/effects/setup-key.ts makes it).
 */
import type { EventOf } from '../contract/event.ts';
import type { Attempt, Step, TaskState } from './state.ts';

/** How a run of it ended; cut: nobody knows what it left. */
export type SetupEnd = 'passed' | 'failed' | 'cut';

export interface SetupFacts {
  /** The key of the base commit, and of every commit that has another one. */
  base: string;
  others: [commit: string, key: string][];
  /** The last run in the worktree. null: it ran before keys were kept, or not at all. */
  ran: { key: string; how: SetupEnd } | null;
}

/** Commits whose keys are remembered; one that was forgotten counts as the base, which costs a run at most. */
const MAX_OTHERS = 100;

function keyOf({ base, others }: SetupFacts, commit: string): string {
  return others.findLast(([known]) => known === commit)?.[1] ?? base;
}

/** With what is known of a commit now. */
export function withKey(facts: SetupFacts | undefined, commit: string | null, key: string): SetupFacts {
  if (facts === undefined) return { base: key, others: [], ran: null };
  if (commit === null || keyOf(facts, commit) === key) return facts;
  return { ...facts, others: [...facts.others, [commit, key] as [string, string]].slice(-MAX_OTHERS) };
}

/**
 * Whether `setup` has to run in the worktree before an attempt begins there at `from`: what it reads is not what it read the
 * last time. Only at the good commit, where it has passed once: what an attempt left half done is for the next one to mend.
 */
export function isOutdated(state: TaskState, step: Step, from: string | null): boolean {
  const { setup } = state;
  if (!setup?.ran || step.kind === 'setup' || step.kind === 'final' || step.kind === 'plan') return false;
  const good = state.good.at(-1)?.commit ?? state.workspace?.base;
  if (from === null || from !== good) return false;
  return setup.ran.how === 'cut' || setup.ran.key !== keyOf(setup, from);
}

/** Whether the gates of an attempt need `setup` first, in the worktree: what it left is not what `setup` read. */
export function needsSetup(state: TaskState, attempt: Attempt, key: string | undefined): boolean {
  if (key === undefined || state.spec.setup === null) return false;
  const ran = state.setup?.ran;
  // Of tasks of an earlier release it is only known that it ran, at the commit that the attempt began with.
  if (!ran) return attempt.setup !== undefined && attempt.setup !== key;
  return ran.how !== 'passed' || ran.key !== key;
}

export function afterPrepared(
  state: TaskState,
  step: Step,
  { setup: key }: EventOf<'attempt_prepared'>,
): TaskState {
  if (key === undefined) return state;
  const setup = withKey(state.setup, step.attempt?.from ?? null, key);
  return { ...state, setup: step.kind === 'setup' ? { ...setup, ran: { key, how: 'cut' } } : setup };
}

export function afterSetup(state: TaskState, key: string | undefined, how: SetupEnd): TaskState {
  if (key === undefined || !state.setup) return state;
  return { ...state, setup: { ...state.setup, ran: { key, how } } };
}
