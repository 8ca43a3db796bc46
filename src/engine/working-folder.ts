/** Which folder of its repository a task works in: that of its project, which may be a package of many. Pure. */
import { subtaskIn } from './gates-of.ts';
import type { Step, TaskState } from './state.ts';

/** Relative to the top of every checkout; null: the top itself. Tasks of an earlier release all work there. */
export function folderOf(state: TaskState): string | null {
  return (state.spec.workspace.kind === 'git' && state.repository?.folder) || null;
}

/** The same for one step: a subtask may have a folder of its own within that. */
export function folderOfStep(state: TaskState, step: Step): string | null {
  const own = subtaskIn(state, step)?.cwd ?? null;
  return [folderOf(state), own].filter(Boolean).join('/') || null;
}
