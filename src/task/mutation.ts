/**
 * Whether a gate sees the change: the gates that passed run again without it, one after the other, until one fails. What is
 * found is told beside `verified`, and stops nobody. Pure.
 */
import type { ExitFacts } from './effect.ts';
import type { EventOf, GateEvidence } from './event.ts';
import { type Gate, gatesOf, MAX_GATE_DROPS } from './gates-of.ts';
import { stepOf, type TaskState } from './state.ts';

export interface Mutation {
  commit: string | null;
  /** The gate that fails without the change; null: none so far. */
  seen_by: string | null;
  /** Gates that pass all the same. */
  blind: string[];
  /** Gates of which nobody can tell, and `setup` where that failed. */
  unknown: string[];
}

const BLIND = 'passes without the change';

/** What the evidence of a gate without the change says; null: it fails, as it should. */
export function unseenReason(reason: string | null, exit: ExitFacts | null, stopped: boolean): string | null {
  if (reason === null) return BLIND;
  return !stopped && exit?.result === 'exited' && exit.ended_by === null ? null : reason;
}

/** How the reason of a gate goes on that failed with the configuration of before. */
export function withOldConfig(files: readonly string[]): string {
  const [first, second, ...more] = files;
  const named = [first, second].filter(name => name !== undefined).join(', ');
  return `with ${named}${more.length > 0 ? ` and ${more.length} more` : ''} as before the task`;
}

/** Part of the fold: a gate has ended. */
export function mutationAsked(state: TaskState, gate: Gate | undefined, evidence: GateEvidence): TaskState {
  if (gate?.place !== 'mutation') return state;
  const name = gate.kind === 'setup' ? gate.name : gate.run!.name;
  const known = knownOf(state, evidence.commit);
  if (gate.kind === 'setup' && evidence.passed) return { ...state, mutation: known };
  if (evidence.passed) return { ...state, mutation: { ...known, seen_by: name } };
  const list = evidence.reason === BLIND ? 'blind' : 'unknown';
  return { ...state, mutation: { ...known, [list]: [...known[list], name] } };
}

/** Part of the fold: a gate was lost too often to be asked again. */
export function mutationDropped(state: TaskState, event: EventOf<'gate_dropped'>): TaskState {
  const step = stepOf(state, event.step);
  const gate = gatesOf(state, step)[event.gate];
  const run = step.attempt?.gates.find(g => g.gate === event.gate);
  if (gate?.place !== 'mutation' || (run?.dropped ?? 0) < MAX_GATE_DROPS) return state;
  const known = knownOf(state, step.attempt?.from ?? null);
  return { ...state, mutation: { ...known, unknown: [...known.unknown, gate.run!.name] } };
}

function knownOf({ mutation }: TaskState, commit: string | null): Mutation {
  return mutation?.commit === commit ? mutation : { commit, seen_by: null, blind: [], unknown: [] };
}

/** Why `verified` says less than it seems to, as a sentence; null: it does not, or nobody asked. */
export function unseenText({ status, mutation }: TaskState): string | null {
  if (status.name !== 'completed' || !status.verified || !mutation) return null;
  const { commit, seen_by, blind, unknown } = mutation;
  if (commit !== status.commit || seen_by !== null) return null;
  if (unknown.length > 0)
    return `whether a gate sees this change is not known: ${unknown.join(', ')} could not be asked`;
  return `no gate sees this change: without it, ${blind.join(', ')} ${blind.length === 1 ? 'passes' : 'pass'} as well`;
}
