/**
 * Which attempt goes on with the session of its predecessor, and which goes on from what that left (task-model 6). Pure.
 * Sessions are fresh by default: an agent that has been led astray is not helped by remembering how.
 */

import type { Outcome } from '../contract/status.ts';
import { isAgentStep } from './gates-of.ts';
import { agentOfAttempt, backendAt } from './relay.ts';
import type { AttemptRecord, Step, TaskState } from './state.ts';

/** What has been interrupted, through nobody's fault. `lost` is not: its worktree goes back to what is known to be good. */
const INTERRUPTED: ReadonlySet<Outcome> = new Set(['limit', 'overloaded', 'network', 'auth', 'killed']);
export const isInterrupted = ({ outcome }: AttemptRecord): boolean => INTERRUPTED.has(outcome);
/** What a session said and read long ago is not what is true now. */
export const SESSION_AGE_MAX_MS = 24 * 60 * 60_000;

/** The session that the next attempt of a step goes on with, which starts from commit `from`; null: a new one. */
export function sessionToResume(
  state: TaskState,
  step: Step,
  from: string | null,
  nowMs: number,
  agent = 0,
): string | null {
  const { session } = step;
  const last = step.history.at(-1);
  // Another agent knows nothing of it.
  if (!last || !isInterrupted(last) || agentOfAttempt(last) !== agent) return null;
  if (step.kind === 'plan' || !isAgentStep(state, step)) return null;
  if (!session || (session.resumed && !cameToNothing(step)) || session.backend !== backendAt(state, agent))
    return null;
  if (nowMs - Date.parse(session.at) >= SESSION_AGE_MAX_MS) return null;
  // It remembers files, which have to be there.
  if (state.spec.workspace.kind === 'git' && (last.commit === null || last.commit !== from)) return null;
  return session.id;
}

/**
 * A session is gone on with once; but one that was not let begin (it only looked whether a limit or a missing login is
 * over) was not.
 */
function cameToNothing({ history }: Step): boolean {
  const [before, last] = history.slice(-2);
  return (
    last !== undefined && last.outcome !== 'killed' && last.commit !== null && last.commit === before?.commit
  );
}

/** The attempt that was cut short and whose work an attempt from commit `from` finds in its worktree; null: none. */
export function continuedFrom(state: TaskState, step: Step, from: string | null): AttemptRecord | null {
  const last = step.history.findLast(record => record.outcome !== 'session_lost');
  if (!last || !(isInterrupted(last) || last.outcome === 'asked' || last.outcome === 'budget')) return null;
  if (state.spec.workspace.kind !== 'git') return last;
  // One whose session was lost has left what it found.
  return last.changed && from !== null && step.history.at(-1)!.commit === from ? last : null;
}
