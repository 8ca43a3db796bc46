/** Which gates a step has, in order. Pure; the same list is used by decide, by the effects and by the views. */
import type { GateSpec, Plan, Subtask } from '../contract/plan.ts';
import type { TaskSpec } from '../contract/spec.ts';
import { COUNTS } from '../contract/status.ts';
import type { Attempt, Step, TaskState } from './state.ts';

export type GateKind = 'clean' | 'diff' | 'setup' | 'run' | 'review' | 'qa';
/** Where a gate is asked: where the work of its step is, or in a checkout of its own. */
export type GatePlace = 'work' | 'base-config' | 'base-tests' | 'mutation' | 'reviewer' | 'qa';
/**
 * What a command of a gate is run on besides the commit itself. base_config: the commit with the gate configuration that a
 * person knows. base_tests: the commit with the tests of the base commit. mutation: the commit without its change to the
 * source, where the command should fail.
 */
export type GateVariant = 'base_config' | 'base_tests' | 'mutation';
export interface Gate {
  kind: GateKind;
  name: string;
  place: GatePlace;
  /** Of the kinds run and setup. */
  run: GateSpec | null;
  /** null: it is asked about the commit as it is. */
  variant: GateVariant | null;
  /** Of one without the change: it was red before the task, so that it is asked whatever others say. */
  was_red?: boolean;
}

const builtIn = (kind: GateKind, place: GatePlace = 'work'): Gate => ({
  ...{ kind, name: kind, place },
  run: null,
  variant: null,
});
const review = builtIn('review', 'reviewer');
const qa = builtIn('qa', 'qa');
const commands = (specs: readonly GateSpec[]): Gate[] =>
  specs.map(run => ({ kind: 'run', name: run.name, place: 'work', run, variant: null }));
/** What the name of a gate begins with, where it is no gate on the commit as it is. */
export const PREFIX: Readonly<Record<GateVariant, string>> = {
  base_config: 'base_config:',
  base_tests: 'base_tests:',
  mutation: 'mutation:',
};
const PLACES: Readonly<Record<GateVariant, GatePlace>> = {
  base_config: 'base-config',
  base_tests: 'base-tests',
  mutation: 'mutation',
};
const variants = (variant: GateVariant, specs: readonly GateSpec[]): Gate[] =>
  specs.map(run => ({
    ...{ kind: 'run', name: `${PREFIX[variant]}${run.name}`, place: PLACES[variant] },
    run,
    variant,
  }));

/** What the gate is called that is `setup`, by where it runs. */
export const SETUP_NAME: Readonly<Record<GatePlace, string>> = {
  work: 'setup',
  'base-config': `${PREFIX.base_config}setup`,
  'base-tests': `${PREFIX.base_tests}setup`,
  mutation: `${PREFIX.mutation}setup`,
  reviewer: 'review:setup',
  qa: 'qa:setup',
};

/** Gate tries that may be lost before the attempt is given up, or the question is. */
export const MAX_GATE_DROPS = 3;
/** Longest `setup`, in seconds, where sessions have no limit. */
const SETUP_SECONDS = 3600;

/** `setup` as a gate: what is judged is whether it ends well. */
export function setupGate({ setup, limits }: TaskSpec, place: GatePlace): Gate {
  const name = SETUP_NAME[place];
  const timeout_seconds = limits.session_timeout_seconds ?? SETUP_SECONDS;
  const run = { name, run: setup!, timeout_seconds, ok: [0] };
  return { kind: 'setup', name, place, run, variant: null };
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
    case 'service':
    case 'finally':
      return [];
    case 'baseline':
      return commands(spec.gates);
    case 'fix':
      return [
        ...[builtIn('clean'), builtIn('diff'), ...commands(spec.gates)],
        ...variants('base_config', touchesConfig(step) ? spec.gates : []),
      ];
    case 'subtask': {
      const subtask = subtaskOf(state, step.id);
      if (!('agent' in subtask.do)) return commands(subtask.gates);
      if (step.attempt && !step.attempt.work) return commands([...spec.gates, ...subtask.gates]);
      return [
        ...(git ? [builtIn('clean'), builtIn('diff')] : []),
        ...commands(spec.gates),
        ...commands(subtask.gates),
        ...variants('base_config', touchesConfig(step) ? [...spec.gates, ...subtask.gates] : []),
        ...(git && spec.review.enabled && spec.review.per_subtask ? [review] : []),
        ...(git && spec.qa.enabled && spec.qa.per_subtask ? [qa] : []),
      ];
    }
    case 'final':
      return finalGates(state, step);
  }
}

const touchesConfig = ({ attempt }: Step): boolean =>
  ((attempt?.sealed ?? attempt)?.base_config?.length ?? 0) > 0;

/**
 * All gates of project and plan, each once; the same with the gate configuration, and with the tests, that a person knows;
 * review and QA of the whole; and at last, without the change.
 * @param step the final one, whose attempt says what the change is about; null: nothing is known of that yet.
 */
export function finalGates(state: TaskState, step: Step | null = null): Gate[] {
  const { spec, plan } = state;
  const seen = new Set<string>();
  const all = [...spec.gates, ...(plan?.subtasks.flatMap(s => s.gates) ?? [])].filter(gate => {
    const key = JSON.stringify([gate.run, gate.ok]);
    return seen.has(key) ? false : seen.add(key);
  });
  const agentWork = plan?.subtasks.some(s => 'agent' in s.do) ?? false;
  const works = agentWork && spec.workspace.kind === 'git';
  const sees = works && spec.mutation_check && (step?.attempt?.sources ?? 0) > 0;
  return [
    ...commands(all),
    ...variants('base_config', works && step && touchesConfig(step) ? all : []),
    ...variants('base_tests', works && spec.base_tests ? spec.gates : []),
    ...(agentWork && spec.review.enabled && !spec.review.per_subtask ? [review] : []),
    ...(agentWork && spec.qa.enabled && !spec.qa.per_subtask ? [qa] : []),
    ...(sees ? withoutChange(state, all) : []),
  ];
}

/** First those that were red before the task: what has turned them green is the question. */
function withoutChange({ failed_before = [] }: TaskState, specs: readonly GateSpec[]): Gate[] {
  const wasRed = ({ name }: GateSpec) => failed_before.includes(name);
  const sorted = [...specs.filter(wasRed), ...specs.filter(spec => !wasRed(spec))];
  return variants('mutation', sorted).map(gate => ({ ...gate, was_red: wasRed(gate.run!) }));
}

/**
 * Whether a gate of these is not asked: one with another configuration, or without the change, says nothing where the gate
 * itself was red and tolerated; and whether a gate sees the change is known as soon as one does, or nobody can tell.
 */
export function isIdle(
  gates: readonly Gate[],
  index: number,
  { gates: runs }: Pick<Attempt, 'gates'>,
): boolean {
  const { place, run, kind, was_red } = gates[index]!;
  if (place !== 'base-config' && place !== 'mutation') return false;
  const runOf = (i: number) => runs.find(other => other.gate === i);
  const isGivenUp = (i: number) => (runOf(i)?.dropped ?? 0) >= MAX_GATE_DROPS;
  const known = runOf(index);
  if (known?.live || known?.evidence) return false;
  if (kind === 'setup') {
    if (place === 'mutation' && isGivenUp(index)) return true;
    return gates.every((g, i) => g.place !== place || i === index || isIdle(gates, i, { gates: runs }));
  }
  const own = gates.findIndex(g => g.variant === null && g.kind === 'run' && g.run === run);
  if (own >= 0 && runOf(own)?.evidence?.passed === false) return true;
  if (place !== 'mutation') return false;
  return gates.some((g, i) => {
    if (g.place !== 'mutation') return false;
    if (g.kind === 'setup') return isGivenUp(i) || runOf(i)?.evidence?.passed === false;
    return (runOf(i)?.evidence?.passed === true && !was_red) || (i === index && isGivenUp(i));
  });
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

/** What a step does for those of them that somebody wrote down, and null for those of rasen itself. */
export function subtaskIn(state: TaskState, step: Pick<Step, 'id' | 'kind'>): Subtask | null {
  const { kind, id } = step;
  if (kind === 'service' && id.startsWith(PROJECT_SERVICE)) return projectServiceOf(state, id);
  return kind === 'subtask' || kind === 'service' || kind === 'finally' ? subtaskOf(state, id) : null;
}

/** What the ids of steps begin with that are services of the project, beside any plan. */
export const PROJECT_SERVICE = '_service-';

function projectServiceOf(state: TaskState, id: string): Subtask {
  const service = state.spec.services?.find(s => `${PROJECT_SERVICE}${s.id}` === id);
  if (!service) throw new Error(`task ${state.id} has no service ${id}`);
  return service;
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
