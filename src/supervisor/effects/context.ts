/** What every effect is given: the parts of the supervisor it acts with. */
import type { Log } from '../../log.ts';
import type { Cage } from '../../runner/cage/cage.ts';
import type { Sweeper } from '../../runner/sweep.ts';
import type { SecretPlaces } from '../../secrets/places.ts';
import type { Store } from '../../store/store.ts';
import type { Step, TaskState } from '../../task/state.ts';
import type { Jobs } from '../jobs.ts';
import type { Places } from '../places.ts';

export interface EffectContext {
  store: Store;
  places: Places;
  jobs: Jobs;
  sweeper: Sweeper;
  log: Log;
  cage: Cage;
  secrets: SecretPlaces;
  /** Octal, of the commands. */
  umask: string;
}

/** The commit that a step's work is compared with. */
export function goodCommit(state: TaskState): string {
  const good = state.good.at(-1)?.commit ?? state.workspace?.base;
  if (!good) throw new Error(`task ${state.id} has no good commit yet`);
  return good;
}

/** Facts that every command of a task finds in its environment. */
export function factsEnv(state: TaskState, step: Step, n: number): Record<string, string> {
  return {
    RASEN_TASK: state.id,
    RASEN_SUBTASK: step.id,
    RASEN_ATTEMPT_NUMBER: String(n),
    RASEN_PROJECT: state.spec.project,
  };
}

/** Whether silence of anything of the task has a limit. */
export function hasIdleLimit(state: TaskState): boolean {
  return (
    state.spec.limits.idle_timeout_seconds !== null ||
    (state.plan?.subtasks.some(s => s.idle_timeout_seconds !== null) ?? false)
  );
}
