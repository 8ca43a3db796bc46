/** What every effect is given: the parts of the supervisor it acts with. */
import { agentOf } from '../../agents/index.ts';
import { isRasenError } from '../../contract/errors.ts';
import type { Role } from '../../contract/spec.ts';
import type { MergeProgress } from '../../contract/view.ts';
import { hasBudget } from '../../engine/budget.ts';
import type { Day } from '../../engine/effect.ts';
import { gatesOf, isAgentStep } from '../../engine/gates-of.ts';
import type { Step, TaskState } from '../../engine/state.ts';
import { RESULT_GRACE_MS } from '../../engine/stop-reason.ts';
import { worktreeState } from '../../git/worktree-state.ts';
import type { FarFiles } from '../../host/far-files.ts';
import type { Log } from '../../log.ts';
import { attemptMarker } from '../../runner/attempt-dir.ts';
import type { Cage } from '../../runner/cage/cage.ts';
import type { RecordKeys } from '../../runner/record-key.ts';
import type { Sweeper } from '../../runner/sweep.ts';
import type { SecretPlaces } from '../../secrets/places.ts';
import type { LocalStore } from '../../store/store.ts';
import type { Doors } from '../doors/doors.ts';
import type { Listening } from '../ear.ts';
import type { GivenPorts } from '../given-ports.ts';
import type { Jobs, Watched } from '../jobs.ts';
import type { Masks } from '../masks.ts';
import type { Places } from '../places.ts';
import type { ProgramHelp } from '../program-help.ts';
import type { SandboxLook } from '../sandbox.ts';
import type { Patience } from './patience.ts';
import { repositoryOf } from './repository.ts';

export interface EffectContext {
  store: LocalStore;
  places: Places;
  jobs: Jobs;
  /** How long files that jobs left are waited for. */
  patience: Patience;
  /** What is on the disks of projects, which may hang. */
  far: Pick<FarFiles, 'isFolder' | 'files'>;
  sweeper: Sweeper;
  log: Log;
  cage: Cage;
  sandbox: Pick<SandboxLook, 'get'>;
  ports: GivenPorts;
  /** Sockets on which sessions in a sandbox hand work over. */
  doors: Pick<Doors, 'open' | 'again' | 'shut'>;
  /** Where other tasks work. */
  worktrees: (task: string) => string[];
  keys: RecordKeys;
  secrets: SecretPlaces;
  /** What comes in from programs passes through them before it is recorded or told. */
  masks: Masks;
  /** Command line of the session program, before its order. */
  session_program: readonly string[];
  /** Raised when the supervisor ends. */
  closing: AbortSignal;
  /** What programs of agents say of their options. */
  help: ProgramHelp;
  /** Octal, of the commands. */
  umask: string;
  /** What all tasks used today. */
  day: () => Day;
  /** Tells how far the merge of a task is, for views; null: it is over, or waits. */
  merging: (task: string, now: MergeProgress | null) => void;
}

/** The captured environment for what must be done without it too: a damaged one counts as empty. Starts nothing with it. */
export function capturedEnv(
  { store }: Pick<EffectContext, 'store'>,
  state: TaskState,
): Record<string, string> {
  try {
    return store.env(state.id);
  } catch (error) {
    if (isRasenError(error) && error.kind === 'damaged') return {};
    throw error;
  }
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

/**
 * The shortest silence in ms that means anything in the task, or null where none does: the limit of any subtask, or
 * that after the result of an agent.
 */
function shortestSilence(state: TaskState): number | null {
  const seconds = [state.spec.limits, ...(state.plan?.subtasks ?? [])]
    .map(({ idle_timeout_seconds }) => idle_timeout_seconds)
    .filter(limit => limit !== null);
  const limits = seconds.map(limit => limit * 1000);
  if (Object.keys(state.spec.agents).length > 0) limits.push(RESULT_GRACE_MS);
  return limits.length === 0 ? null : Math.min(...limits);
}

/** What is watched of a job of the task. */
export function watched(
  context: Pick<EffectContext, 'places' | 'store'>,
  state: TaskState,
  job: { subtask: string; attempt: number; nonce: string },
): Watched {
  const ms = shortestSilence(state);
  const marker = attemptMarker({ task: state.id, ...job });
  return {
    marker,
    max_bytes: state.spec.limits.output_max_bytes,
    silence: ms === null ? null : { ms, result_file: context.places.resultPlace(state.id, job.nonce) },
    session: sessionOf(context, state, job),
  };
}

/** How the session of a job is listened to; null: it is a command, or not of an attempt that is open. */
function sessionOf(
  context: Pick<EffectContext, 'places' | 'store'>,
  state: TaskState,
  job: { subtask: string; attempt: number; nonce: string },
): Listening | null {
  const step = state.steps.find(s => s.id === job.subtask);
  if (step?.attempt?.n !== job.attempt) return null;
  const { resume } = step.attempt;
  const gate = step.attempt.gates.find(g => g.nonce === job.nonce)?.gate ?? null;
  const role = agentRole(state, step, gate);
  if (role === null) return null;
  // The planner has no worktree yet, and plans without changing anything.
  const compared = state.spec.workspace.kind === 'git' && step.kind !== 'plan';
  const path = !compared
    ? null
    : gate === null
      ? context.places.root(state, step)
      : context.places.checkout(state, role);
  return {
    open: () => agentOf(state.spec, role).open(gate === null && resume !== null),
    tree: path === null ? null : async () => worktreeState(await repositoryOf(context, state), path),
    metered: hasBudget(state),
  };
}

/** The role of the agent that has the job: the work of a step, or one of its gates. null: it is a command. */
export function agentRole(state: TaskState, step: Step, gate: number | null): Role | null {
  if (gate !== null) {
    const { kind } = gatesOf(state, step)[gate]!;
    return kind === 'qa' ? 'qa' : kind === 'review' ? 'reviewer' : null;
  }
  if (!isAgentStep(state, step)) return null;
  return step.kind === 'plan' ? 'initializer' : 'coder';
}
