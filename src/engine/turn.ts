/**
 * Whether it is the turn of a task: the tasks that it comes after are completed, and its group has a place. What other
 * tasks do is seen by the supervisor (supervisor/turns.ts); what follows from it is decided here. Pure.
 */
import { isTurn, type TaskStatus, type TurnReason } from '../contract/status.ts';
import type { Next } from './attempt.ts';
import type { TaskState } from './state.ts';

/** Why it is not the turn of a task. */
export interface Turn {
  why: TurnReason;
  /** A sentence for people. */
  message: string;
  /** It does not come by itself: a task before this one failed, was cancelled or is gone. */
  lost: boolean;
}

/** Whether a task takes up a place of its group: it has begun, and nobody has to do anything before it goes on. */
export function holdsPlace(status: TaskStatus): boolean {
  return status.name === 'running' || (status.name === 'waiting' && !isTurn(status.why));
}

/** One event when it begins to wait, and when what it waits for changes. */
export function waitForTurn({ status }: TaskState, { why, message, lost }: Turn, nowMs: number): Next {
  const nothing: Next = { events: [], effects: [], wake_ms: null };
  if (lost) return { ...nothing, events: [{ type: 'task_blocked', why: 'after', message, subtask: null }] };
  if (status.name === 'waiting' && status.why === why && status.message === message) return nothing;
  const resume_at = new Date(nowMs).toISOString();
  return { ...nothing, events: [{ type: 'task_waiting', why, resume_at, message }] };
}
