/** Which gates a step has, in order. Pure; the same list is used by decide, by the effects and by the views. */
import type { GateSpec, Plan, Subtask } from '../contract/plan.ts';
import type { TaskSpec } from '../contract/spec.ts';
import { COUNTS } from '../contract/status.ts';
import type { Step, TaskState } from './state.ts';

export type GateKind = 'clean' | 'diff' | 'setup' | 'run' | 'review' | 'qa';
/** Where a gate is asked: where the work of its step is, or in a checkout of its own. */
export type GatePlace = 'work' | 'base-tests' | 'reviewer' | 'qa';
export interface Gate {
  kind: GateKind;
  name: string;
  place: GatePlace;
  /** Of the kinds run and setup. */
  run: GateSpec | null;
  /** Run where the tests of the base commit stand in place of those of today. */
  base_tests: boolean;
}

const builtIn = (kind: GateKind, place: GatePlace = 'work'): Gate => ({
  ...{ kind, name: kind, place },
  run: null,
  base_tests: false,
});
const review = builtIn('review', 'reviewer');
const qa = builtIn('qa', 'qa');
const commands = (specs: readonly GateSpec[]): Gate[] =>
  specs.map(run => ({ kind: 'run', name: run.name, place: 'work', run, base_tests: false }));
/** What the name of a gate begins with that is run with the tests of the base commit. */
export const BASE_TESTS = 'base_tests:';
const withBaseTests = (specs: readonly GateSpec[]): Gate[] =>
  specs.map(run => ({
    ...{ kind: 'run', name: `${BASE_TESTS}${run.name}`, place: 'base-tests' },
    run,
    base_tests: true,
  }));

/** What the gate is called that is `setup`, by where it runs. */
export const SETUP_NAME: Readonly<Record<GatePlace, string>> = {
  work: 'setup',
  'base-tests': `${BASE_TESTS}setup`,
  reviewer: 'review:setup',
  qa: 'qa:setup',
};

/** Longest `setup`, in seconds, where sessions have no limit. */
const SETUP_SECONDS = 3600;

/** `setup` as a gate: what is judged is whether it ends well. */
export function setupGate({ setup, limits }: TaskSpec, place: GatePlace): Gate {
  const name = SETUP_NAME[place];
  const timeout_seconds = limits.session_timeout_seconds ?? SETUP_SECONDS;
  const run = { name, run: setup!, timeout_seconds, ok: [0] };
  return { kind: 'setup', name, place, run, base_tests: false };
}

/** `setup` before the first gate in each checkout that has not seen it. */
function withSetup(spec: TaskSpec, gates: readonly Gate[], { attempt }: Step, in_work: boolean): Gate[] {
  if (attempt?.setup === undefined || spec.setup === null) return [...gates];
  const ready = new Set<GatePlace>(in_work ? [] : ['work']);
  return gates.flatMap(gate => {
    const looks = gate.kind === 'clean' || gate.kind === 'diff';
    if (looks || ready.has(gate.place)) return [gate];
    ready.add(gate.place);
    return [setupGate(spec, gate.place), gate];
  });
}

/** Gates of a step: built-in ones first, then the project's, then the plan's, then the judges; each where it is set up. */
export function gatesOf(state: TaskState, step: Step): Gate[] {
  const is_final = step.kind === 'final';
  return withSetup(state.spec, ownGates(state, step), step, is_final || step.attempt?.sets_up === true);
}

function ownGates(state: TaskState, step: Step): Gate[] {
  const { spec } = state;
  const git = spec.workspace.kind === 'git';
  switch (step.kind) {
    case 'plan':
    case 'setup':
      return [];
    case 'baseline':
      return commands(spec.gates);
    case 'fix':
      return [builtIn('clean'), builtIn('diff'), ...commands(spec.gates)];
    case 'subtask': {
      const subtask = subtaskOf(state, step.id);
      if (!('agent' in subtask.do)) return commands(subtask.gates);
      if (step.attempt && !step.attempt.work) return commands([...spec.gates, ...subtask.gates]);
      return [
        ...(git ? [builtIn('clean'), builtIn('diff')] : []),
        ...commands(spec.gates),
        ...commands(subtask.gates),
        ...(git && spec.review.enabled && spec.review.per_subtask ? [review] : []),
        ...(git && spec.qa.enabled && spec.qa.per_subtask ? [qa] : []),
      ];
    }
    case 'final':
      return finalGates(state);
  }
}

/** All gates of project and plan, each once, those with the tests of the base commit, then review and QA of the whole. */
export function finalGates(state: TaskState): Gate[] {
  const { spec, plan } = state;
  const seen = new Set<string>();
  const all = [...spec.gates, ...(plan?.subtasks.flatMap(s => s.gates) ?? [])].filter(gate => {
    const key = JSON.stringify([gate.run, gate.ok]);
    return seen.has(key) ? false : seen.add(key);
  });
  const agentWork = plan?.subtasks.some(s => 'agent' in s.do) ?? false;
  return [
    ...commands(all),
    ...(agentWork && spec.base_tests && spec.workspace.kind === 'git' ? withBaseTests(spec.gates) : []),
    ...(agentWork && spec.review.enabled && !spec.review.per_subtask ? [review] : []),
    ...(agentWork && spec.qa.enabled && !spec.qa.per_subtask ? [qa] : []),
  ];
}

/** Subtasks of a plan by id: plans are immutable, and this is asked for at every turn. */
const byId = new WeakMap<Plan, ReadonlyMap<string, Subtask>>();

export function subtaskOf(state: TaskState, id: string): Subtask {
  const { plan } = state;
  let index = plan ? byId.get(plan) : undefined;
  if (plan && !index) {
    index = new Map(plan.subtasks.map(s => [s.id, s]));
    byId.set(plan, index);
  }
  const subtask = index?.get(id);
  if (!subtask) throw new Error(`task ${state.id} has no subtask ${id} in its plan`);
  return subtask;
}

/**
 * Whether the gates are asked before anybody works on the step: its plan calls it completed, there are gates, and they
 * have not been asked yet.
 */
export function isClaimedCompleted(state: TaskState, step: Step): boolean {
  if (step.kind !== 'subtask') return false;
  const subtask = subtaskOf(state, step.id);
  return (
    subtask.claimed_completed &&
    'agent' in subtask.do &&
    state.spec.gates.length + subtask.gates.length > 0 &&
    step.history.every(record => !COUNTS[record.outcome])
  );
}

/** Whether the step's work is a session of the agent (and not a command, or nothing). */
export function isAgentStep(state: TaskState, step: Step): boolean {
  return (
    step.kind === 'plan' ||
    step.kind === 'fix' ||
    (step.kind === 'subtask' && 'agent' in subtaskOf(state, step.id).do)
  );
}
