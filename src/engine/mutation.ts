/**
 * Whether a gate sees the change: the gates that passed run again without it, one after the other, until one fails. What is
 * found is told beside `verified`, and stops nobody. Pure.
 */

import type { EventOf, GateEvidence } from '../contract/event.ts';
import type { ExitFacts } from './effect.ts';
import { finalGates, type Gate, gatesOf, MAX_GATE_DROPS } from './gates-of.ts';
import { type Step, stepOf, type TaskState } from './state.ts';

export interface Mutation {
  commit: string | null;
  /** The gate that fails without the change; null: none so far. */
  seen_by: string | null;
  /** Gates that pass all the same. */
  blind: string[];
  /** Those of them that were red before the task: tests and configuration alone have turned them green. */
  turned: string[];
  /** Gates of which nobody can tell, and `setup` where that failed. */
  unknown: string[];
  /** The task changed tests or configuration alone. Absent: the source as well. */
  no_source?: true;
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
  if (evidence.reason !== BLIND)
    return { ...state, mutation: { ...known, unknown: [...known.unknown, name] } };
  const turned = gate.was_red ? [...known.turned, name] : known.turned;
  return { ...state, mutation: { ...known, blind: [...known.blind, name], turned } };
}

/** Part of the fold: a final check begins. Where no source was changed, nothing has to be run to know what turned gates green. */
export function mutationBegun(state: TaskState, step: Step, sources: number | undefined): TaskState {
  const { mutation: _, ...rest } = state;
  const { spec, plan, workspace, failed_before = [] } = state;
  const commit = step.attempt?.from ?? null;
  const isAsked =
    spec.mutation_check &&
    workspace &&
    plan?.subtasks.some(s => 'agent' in s.do) &&
    finalGates(state).some(g => g.run);
  if (!isAsked || sources !== undefined || commit === null || commit === workspace.base) return rest;
  return { ...rest, mutation: { ...knownOf(rest, commit), turned: failed_before, no_source: true } };
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
  return mutation?.commit === commit
    ? mutation
    : { commit, seen_by: null, blind: [], turned: [], unknown: [] };
}

/** Gates that bear nothing out, for what turned them green is not the work. */
export const turnedGreen = ({ mutation, tolerated }: TaskState): string[] =>
  (mutation?.turned ?? []).filter(name => !tolerated.includes(name));

/** What has to be said beside `verified`, as a sentence; null: nothing, or nobody asked. */
export function unseenText(state: TaskState): string | null {
  const { status, mutation } = state;
  if (status.name !== 'completed' || !mutation || mutation.commit !== status.commit) return null;
  const turned = turnedGreen(state);
  if (turned.length > 0)
    return `${turned.join(', ')} failed before the task, and ${turned.length === 1 ? 'passes' : 'pass'} now by changes to tests and configuration alone`;
  const { seen_by, blind, unknown, no_source } = mutation;
  if (!status.verified || seen_by !== null) return null;
  if (no_source) return 'no source was changed, only tests or configuration';
  if (unknown.length > 0)
    return `whether a gate sees this change is not known: ${unknown.join(', ')} could not be asked`;
  return `no gate sees this change: without it, ${blind.join(', ')} ${blind.length === 1 ? 'passes' : 'pass'} as well`;
}
