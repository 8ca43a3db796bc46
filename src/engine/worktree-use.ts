/** What the steps of a git task do with its one worktree. Pure; fold, decide and the effects ask here. */
import { isAgentStep } from './gates-of.ts';
import type { Step, TaskState } from './state.ts';

/** Whether what its work leaves in the worktree becomes a commit, before anything is judged. */
export function isSealed(state: TaskState, step: Step): boolean {
  return state.spec.workspace.kind === 'git' && !UNSEALED.has(step.kind);
}

/** What readies the worktree, or plans; what only uses it, and what is there when the work is judged already. */
const UNSEALED: ReadonlySet<Step['kind']> = new Set(['plan', 'setup', 'service', 'finally']);

const isBeside = ({ kind }: Step) => kind === 'service' || kind === 'finally';

/**
 * Whether the worktree is reset for an attempt of the step. Commands of a git task may share it; then nobody resets it under
 * another. The final check has a checkout of its own.
 */
export function resetsWorktree(state: TaskState, step: Step): boolean {
  if (state.spec.workspace.kind !== 'git' || step.kind === 'final' || isBeside(step)) return false;
  return isAgentStep(state, step) || !state.steps.some(s => s.id !== step.id && s.attempt && !isBeside(s));
}
