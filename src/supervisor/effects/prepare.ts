/** prepare: worktree, folder, spec and prompt of an attempt; nothing is spawned. */
import { basename, dirname, relative } from 'node:path';
import { isRasenError, RasenError } from '../../contract/errors.ts';
import type { Effect, Result } from '../../engine/effect.ts';
import { isAgentStep, subtaskIn } from '../../engine/gates-of.ts';
import { inFolder } from '../../engine/next-command.ts';
import { commandWithPort, isService, NO_SERVICE } from '../../engine/service.ts';
import { type Attempt, type Step, stepOf, type TaskState } from '../../engine/state.ts';
import { folderOfStep } from '../../engine/working-folder.ts';
import { keepFolder } from '../../host/foreign-file.ts';
import { atMost, ownRlimits, ulimitWords } from '../../host/rlimits.ts';
import { type AttemptSpec, readSpec, writeAttempt } from '../../runner/attempt-dir.ts';
import { placeIn, storage } from '../../runner/small-file.ts';
import { notesFolder } from '../places.ts';
import { agentWork, type Work } from './agent-work.ts';
import { changedConfig, knownCommit } from './base-config.ts';
import { type EffectContext, goodCommit } from './context.ts';
import { checkGateSecrets } from './job-env.ts';
import { changedSources } from './mutation.ts';
import { repositoryOf } from './repository.ts';
import { UNFENCED, type Wrap } from './sandboxed.ts';
import { portFor } from './service-port.ts';
import { setupArgv } from './setup-argv.ts';
import { setupKey } from './setup-key.ts';
import { workingFolder } from './working-folder.ts';
import { prepareWorkspace } from './workspace.ts';

export async function prepare(
  context: EffectContext,
  state: TaskState,
  effect: Extract<Effect, { type: 'prepare' }>,
): Promise<Result> {
  const step = stepOf(state, effect.step);
  const attempt = step.attempt!;
  await checkGateSecrets(context, state, step);
  checkInput(context, state);
  const workspace = await prepareWorkspace(context, state, step, attempt).catch(error => {
    throw isReplaced(error, state) ? replaced(state, error) : error;
  });
  const placed = workspace && !state.workspace ? { ...state, workspace } : state;
  const port = step.kind === 'service' ? await portFor(context, placed, step) : null;
  const known = port === null ? step : { ...step, service: { ...(step.service ?? NO_SERVICE), port } };
  if (attempt.work) await writeWork(context, placed, known, attempt);
  const record_key = context.keys.of(attempt.nonce).commitment;
  return {
    type: 'prepare',
    workspace,
    record_key,
    ...(port === null ? {} : { port }),
    setup: isService(step) ? undefined : await keyAtStart(context, state, attempt, workspace),
    ...(step.kind === 'final' ? await askedOf(context, state, attempt) : {}),
  };
}

/** What the final check is about, besides the commit as it is. */
async function askedOf(
  context: EffectContext,
  state: TaskState,
  attempt: Attempt,
): Promise<{ base_config?: string[]; sources?: number }> {
  if (!state.workspace) return {};
  const repo = await repositoryOf(context, state);
  const commit = attempt.from ?? goodCommit(state);
  const base_config = await changedConfig(repo, state, commit, knownCommit(state));
  const sources = await changedSources(repo, state, commit);
  return { ...(base_config ? { base_config } : {}), ...(sources ? { sources } : {}) };
}

/** Whether the commit that all work of the task is built on is not there any more. */
const isReplaced = (error: unknown, { workspace }: TaskState): boolean =>
  isRasenError(error) && workspace !== null && error.data?.rev === workspace.base;

function replaced({ id, spec, repository }: TaskState, cause: unknown): RasenError {
  const place = repository?.root ?? spec.project;
  return new RasenError('git', `another repository is in ${place} than when the task was submitted`, {
    hint: `Put the one of then back, and go on with \`rasen resume ${id}\`; or make a new task: ${inFolder(spec.project)}rasen reinit --force`,
    cause,
  });
}

/** Of what `setup` reads where the attempt starts. */
async function keyAtStart(
  context: EffectContext,
  state: TaskState,
  { from }: Attempt,
  workspace: { base: string } | null,
): Promise<string | undefined> {
  const commit = from ?? workspace?.base ?? null;
  if (commit === null || state.spec.setup === null) return undefined;
  return await setupKey(await repositoryOf(context, state), state, commit);
}

async function writeWork(
  context: EffectContext,
  state: TaskState,
  step: Step,
  attempt: Attempt,
): Promise<void> {
  const work = await workOf(context, state, step, attempt);
  if (work.prompt !== null) makeResultFolder(context, state, attempt.nonce);
  const job = jobOfWork(context, state, step, attempt, work);
  await writeJob(context, state, job);
  if (!work.talks) return;
  const place = placeIn(job.folder, basename(notesFolder(job.folder)));
  const made = keepFolder(place);
  if (!made.ok) throw storage('to make the folder of notes', place, made);
}

/** What was piped in must be what it was. Throws `damaged`. */
function checkInput({ store, places }: EffectContext, { id, spec }: TaskState): void {
  if (!spec.stdin) return;
  if (store.inputHash(id) === spec.stdin.sha256) return;
  const path = places.input(id);
  throw new RasenError('damaged', `${path} is not what was piped into the task`, {
    hint: 'Nothing was run with it. Start the task again with the same input.',
  });
}

/** Where the agent of a job leaves its result. Throws `storage`. */
export function makeResultFolder({ places }: EffectContext, state: TaskState, nonce: string): void {
  const { root, path } = places.resultPlace(state.id, nonce);
  const place = { root, path: dirname(path) };
  const made = keepFolder(place);
  if (!made.ok) throw storage('to make the folder of a result', place, made);
}

export interface JobFiles {
  step: string;
  n: number;
  nonce: string;
  folder: string;
  argv: string[];
  cwd: string;
  prompt: string | null;
  /** File that the command reads in its place. */
  input?: string | null;
}

/** What the runner of an attempt's work is to do. */
export function jobOfWork(
  { places }: Pick<EffectContext, 'places'>,
  state: TaskState,
  step: Step,
  { n, nonce, job }: Attempt,
  { argv, prompt }: Pick<Work, 'argv' | 'prompt'>,
): JobFiles {
  const folder = places.job(state.id, job);
  const input =
    state.spec.stdin && prompt === null && step.kind === 'subtask' ? places.input(state.id) : null;
  return { step: step.id, n, nonce, folder, argv, cwd: places.cwd(state, step), prompt, input };
}

/** Where the work of a step runs. Throws `config` when that leads out. */
export function folderOfWork({ places }: EffectContext, state: TaskState, step: Step) {
  const { within } = state.spec.sandbox ?? {};
  // What was handed over from a sandbox stays in what that one could write, whatever was linked there meanwhile.
  if (within) return workingFolder(within.root, relative(within.root, places.cwd(state, step)) || null, true);
  const ours = state.spec.workspace.kind === 'git';
  return workingFolder(places.root(state, step), folderOfStep(state, step), ours);
}

/**
 * The folder of a job, as the runner wants it; durable when it returns. Repeatable: what an earlier supervisor wrote for
 * this nonce stands, although epoch or umask are others now. Gives what it is to do, which is never read from there: what
 * runs as the same user could have changed it.
 */
export async function writeJob(
  context: EffectContext,
  state: TaskState,
  job: JobFiles,
): Promise<AttemptSpec> {
  const inherits = state.spec.process;
  const spec: AttemptSpec = {
    version: 1,
    task: state.id,
    subtask: job.step,
    attempt: job.n,
    epoch: state.epoch,
    nonce: job.nonce,
    argv: job.argv,
    cwd: job.cwd,
    umask: inherits?.umask ?? context.umask,
    ...(inherits && { limits: ulimitWords(atMost(inherits.limits, ownRlimits())) }),
    stdin: job.prompt !== null ? 'prompt' : job.input ? (job.input as `/${string}`) : 'null',
    env_ref: context.places.env(state.id),
    output_max_bytes: state.spec.limits.output_max_bytes,
  };
  if (readSpec(job.folder)?.nonce !== job.nonce)
    await writeAttempt(job.folder, spec, job.prompt === null ? {} : { prompt: job.prompt });
  return spec;
}

async function argvOfSetup(
  context: EffectContext,
  state: TaskState,
  { from }: Attempt,
  wrap: Wrap,
): Promise<string[]> {
  const commit = from ?? state.workspace?.base ?? null;
  if (state.spec.workspace.kind !== 'git' || commit === null) return wrap(state.spec.setup!);
  return await setupArgv(await repositoryOf(context, state), state, commit, wrap);
}

/** Command, prompt and environment of an attempt's work; the command as it is started where `wrap` is given. */
export async function workOf(
  context: EffectContext,
  state: TaskState,
  step: Step,
  attempt: Attempt,
  wrap: Wrap = UNFENCED.wrap,
): Promise<Work> {
  const subtask = subtaskIn(state, step);
  if (!isAgentStep(state, step)) {
    const argv =
      subtask !== null
        ? wrap(commandWithPort(step, subtask))
        : await argvOfSetup(context, state, attempt, wrap);
    return { argv, prompt: null, env: subtask?.env ?? {}, env_defaults: {}, talks: false };
  }
  const session = {
    role: step.kind === 'plan' ? ('initializer' as const) : ('coder' as const),
    nonce: attempt.nonce,
    attempt: attempt.n,
    diff_range: state.workspace ? `${goodCommit(state)}..HEAD` : '(no git)',
    model: subtask?.model ?? null,
    cwd: context.places.cwd(state, step),
    folder: context.places.job(state.id, attempt.job),
    resume: attempt.resume,
  };
  const work = await agentWork(context, state, step, session, wrap);
  return { ...work, env: { ...work.env, ...subtask?.env } };
}
