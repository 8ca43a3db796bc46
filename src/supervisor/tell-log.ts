/**
 * What becomes of tasks, in the supervisor's own log: begun, ended and how, waiting, blocked, over. The sentences are
 * those of the task's own log (views/lines.ts); the level, which is the priority in the journal, follows the outcome.
 * The field `task` is what `journalctl RASEN_TASK=ID` looks for.
 */

import type { Event, EventType } from '../contract/event.ts';
import type { TaskState } from '../engine/state.ts';
import type { Log } from '../log.ts';
import { type Level, linesOf } from '../views/lines.ts';

/** Worth a line to whoever looks after the machine. What a task says in between is in its own log. */
const TOLD: ReadonlySet<EventType> = new Set<EventType>([
  ...(['task_submitted', 'task_started', 'task_resumed', 'want_changed'] as const),
  ...(['attempt_created', 'attempt_stopping', 'attempt_ended', 'attempt_closed', 'records_forged'] as const),
  ...(['step_completed', 'step_failed', 'step_skipped', 'step_reset'] as const),
  ...(['task_waiting', 'task_interrupted', 'task_blocked'] as const),
  ...(['task_completed', 'task_failed', 'task_cancelled', 'merged', 'merge_refused'] as const),
  ...(['rolled_back', 'rollback_refused'] as const),
]);

const METHODS: Readonly<Record<Level, keyof Log>> = { INFO: 'info', WARNING: 'warn', ERROR: 'error' };

export function tellLog(log: Log, state: TaskState, events: readonly Event[]): void {
  for (const event of events) {
    if (!TOLD.has(event.type)) continue;
    for (const { level, text, subtask, attempt } of linesOf(state, event)) {
      const fields = { task: state.id, event: event.type, subtask, attempt };
      log[METHODS[level]](fields, `task ${state.id} (${state.spec.name}): ${text}`);
    }
  }
}
