/**
 * What one session has learned of its service (a usage limit, an outage, a missing login) holds for every step of the
 * task that uses the same backend, and work that was cut short comes before any other. Pure; asked by decide.
 */

import type { WaitReason } from '../contract/status.ts';
import { isAgentStep } from './gates-of.ts';
import { agentFor, agentOfAttempt, backendAt, canRelay } from './relay.ts';
import { isInterrupted } from './resume.ts';
import type { Step, TaskState } from './state.ts';

/** Waits whose cause is the service and not the step. */
const OF_SERVICE: ReadonlySet<WaitReason> = new Set(['limit', 'overloaded', 'network']);

/** Until when a step waits for what another one has met, in ms; `Infinity`: until a person has seen to it. */
export interface ServiceHold {
  at: number;
  wait: WaitReason | null;
}

/** null: nothing is known against the backend of the step. */
export function serviceHold(state: TaskState, step: Step, nowMs: number): ServiceHold | null {
  if (!isAgentStep(state, step)) return null;
  const backend = backendOf(state, step, agentFor(state, step, nowMs));
  let hold: ServiceHold | null = null;
  for (const other of state.steps) {
    if (other === step || other.status !== 'pending' || !isAgentStep(state, other)) continue;
    if (backendOf(state, other, lastAgent(other)) !== backend) continue;
    if (other.block && isOfService(other)) return { at: Number.POSITIVE_INFINITY, wait: null };
    if (other.attempt || !other.retry_at || other.wait === null || !OF_SERVICE.has(other.wait)) continue;
    const at = Date.parse(other.retry_at);
    if (at > nowMs && at > (hold?.at ?? 0)) hold = { at, wait: other.wait };
  }
  return hold;
}

/** Its block is that of a login, or of a limit or an outage that nobody waits for any more. */
function isOfService({ block, history }: Step): boolean {
  if (block?.why === 'auth') return true;
  const last = history.at(-1)?.outcome;
  return last === 'limit' || last === 'overloaded' || last === 'network';
}

/** Of the agent of the list that does the step, where it has one. */
function backendOf(state: TaskState, step: Step, agent: number): string | undefined {
  if (canRelay(state, step)) return backendAt(state, agent);
  const { agents } = state.spec;
  return (step.kind === 'plan' ? agents.initializer : agents.coder)?.backend;
}

const lastAgent = ({ history }: Step): number =>
  agentOfAttempt(history.findLast(record => record.work) ?? {});

/**
 * Whether commits of an interrupted attempt would be left behind if another step made a commit good first: it goes on
 * from the commit it left, or from the last good one where that has moved.
 */
export function holdsUnfinishedWork(state: TaskState, step: Step): boolean {
  const last = step.history.at(-1);
  if (state.spec.workspace.kind !== 'git' || step.status !== 'pending' || step.attempt || !last) return false;
  return isAgentStep(state, step) && isInterrupted(last) && last.changed && last.commit !== null;
}
