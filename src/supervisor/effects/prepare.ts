/** prepare: worktree, folder, spec and prompt of an attempt; nothing is spawned. */
import { basename, dirname } from 'node:path';
import { keepFolder } from '../../host/foreign-file.ts';
import { readAttempt, writeAttempt } from '../../runner/attempt-dir.ts';
import { placeIn, storage } from '../../runner/small-file.ts';
import type { Effect, Result } from '../../task/effect.ts';
import { isAgentStep, subtaskOf } from '../../task/gates-of.ts';
import { type Attempt, type Step, stepOf, type TaskState, workJob } from '../../task/state.ts';
import { notesFolder } from '../places.ts';
import { agentWork, type Work } from './agent-work.ts';
import { type EffectContext, goodCommit } from './context.ts';
import { checkGateSecrets } from './job-env.ts';
import { prepareWorkspace } from './workspace.ts';

export async function prepare(
  context: EffectContext,
  state: TaskState,
  effect: Extract<Effect, { type: 'prepare' }>,
): Promise<Result> {
  const step = stepOf(state, effect.step);
  const attempt = step.attempt!;
  await checkGateSecrets(context, state, step);
  const workspace = await prepareWorkspace(context, state, step, attempt);
  if (attempt.work)
    await writeWork(context, workspace && !state.workspace ? { ...state, workspace } : state, step, attempt);
  return { type: 'prepare', workspace };
}

async function writeWork(
  context: EffectContext,
  state: TaskState,
  step: Step,
  attempt: Attempt,
): Promise<void> {
  const { argv, prompt, talks } = await workOf(context, state, step, attempt);
  if (prompt !== null) makeResultFolder(context, state, attempt.nonce);
  const job = {
    step: step.id,
    n: attempt.n,
    nonce: attempt.nonce,
    folder: context.places.job(state.id, workJob(step.id, attempt.n)),
  };
  await writeJob(context, state, { ...job, argv, cwd: context.places.cwd(state, step), prompt });
  if (!talks) return;
  const place = placeIn(job.folder, basename(notesFolder(job.folder)));
  const made = keepFolder(place);
  if (!made.ok) throw storage('to make the folder of notes', place, made);
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
}

/**
 * The folder of a job, as the runner wants it; durable when it returns. Repeatable: what an earlier supervisor wrote for
 * this nonce stands, although epoch or umask are others now.
 */
export async function writeJob(context: EffectContext, state: TaskState, job: JobFiles): Promise<void> {
  if (readAttempt(job.folder).spec?.nonce === job.nonce) return;
  const spec = {
    version: 1 as const,
    task: state.id,
    subtask: job.step,
    attempt: job.n,
    epoch: state.epoch,
    nonce: job.nonce,
    argv: job.argv,
    cwd: job.cwd,
    umask: context.umask,
    stdin: job.prompt === null ? ('null' as const) : ('prompt' as const),
    env_ref: context.store.files(state.id).env,
    output_max_bytes: state.spec.limits.output_max_bytes,
  };
  await writeAttempt(job.folder, spec, job.prompt === null ? {} : { prompt: job.prompt });
}

/** Command, prompt and environment of an attempt's work. */
export async function workOf(
  context: EffectContext,
  state: TaskState,
  step: Step,
  attempt: Attempt,
): Promise<Work> {
  const subtask = step.kind === 'subtask' ? subtaskOf(state, step.id) : null;
  if (!isAgentStep(state, step)) {
    const argv = subtask && 'run' in subtask.do ? subtask.do.run : state.spec.setup!;
    return { argv, prompt: null, env: subtask?.env ?? {}, env_defaults: {}, talks: false };
  }
  const work = await agentWork(context, state, step, {
    role: step.kind === 'plan' ? 'initializer' : 'coder',
    nonce: attempt.nonce,
    attempt: attempt.n,
    diff_range: state.workspace ? `${goodCommit(state)}..HEAD` : '(no git)',
    model: subtask?.model ?? null,
    cwd: context.places.root(state, step),
    folder: context.places.job(state.id, workJob(step.id, attempt.n)),
    resume: attempt.resume,
  });
  return { ...work, env: { ...work.env, ...subtask?.env } };
}
