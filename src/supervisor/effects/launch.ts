/** launch: spawn the runner of a job, once or never, and wait until it has said who it is. */
import { join } from 'node:path';
import { isRasenError } from '../../contract/errors.ts';
import type { Role } from '../../contract/spec.ts';
import type { Effect, Result } from '../../engine/effect.ts';
import { gatesOf, subtaskOf } from '../../engine/gates-of.ts';
import type { Recipient } from '../../engine/recipient.ts';
import { resourceLimitsOf } from '../../engine/resource-limits.ts';
import { type Attempt, type GateRun, openJob, type Step, type TaskState } from '../../engine/state.ts';
import { folderOf } from '../../engine/working-folder.ts';
import { type AttemptFacts, type AttemptSpec, readAttempt } from '../../runner/attempt-dir.ts';
import { cageOf } from '../../runner/cage/attempt-cage.ts';
import type { RunnerMark } from '../../runner/records.ts';
import { isThere } from '../../runner/small-file.ts';
import { notesFolder } from '../places.ts';
import { agentWork, type Work } from './agent-work.ts';
import { type EffectContext, factsEnv, goodCommit, watched } from './context.ts';
import { gatePlace } from './gate-place.ts';
import { jobEnv, recipientOfGate, recipientOfWork } from './job-env.ts';
import { rememberWork } from './judged-work.ts';
import { folderOfWork, jobOfWork, makeResultFolder, workOf, writeJob } from './prepare.ts';
import { repositoryOf } from './repository.ts';
import { type Fence, fenceFor, sandboxKindOf, type Wrap } from './sandboxed.ts';
import { setupArgv } from './setup-argv.ts';
import { clearTemporaryFolder } from './temporary-folder.ts';
import { workingFolder } from './working-folder.ts';

/** Longest wait for a runner that claimed its attempt to say who it is. */
export const REPORT_MS_MAX = 10_000;
const REPORT_POLL_MS = 3;

export async function launch(
  context: EffectContext,
  state: TaskState,
  effect: Extract<Effect, { type: 'launch' }>,
): Promise<Result> {
  const mark = openJob(state, effect.job)!;
  const { step, attempt, gate, nonce } = mark;
  const folder = context.places.job(state.id, effect.job);
  const job = watched(context, state, { subtask: step.id, attempt: attempt.n, nonce });
  const who = gate ? recipientOfGate(state, gatesOf(state, step)[gate.gate]!) : recipientOfWork(state, step);
  let sandbox: Fence['kind'];
  if (readAttempt(folder, mark).claimed) {
    context.jobs.watch(state.id, folder, { ...job, mark, child: false });
    sandbox = await sandboxKindOf(context, state, who);
  } else {
    const start = gate
      ? await writeGate(context, state, step, attempt, gate, who)
      : await writeWork(context, state, step, attempt, who);
    const { spec, root, fence, ...added } = start;
    sandbox = start.fence.kind;
    const whole = await jobEnv(context, state, {
      ...{ who, nonce, env_defaults: added.env_defaults },
      env: { ...factsEnv(state, step, attempt.n), ...added.env },
    });
    const env = fence.env(whole);
    context.jobs.watch(state.id, folder, { ...job, mark, child: context.cage.kind === 'group' });
    const subtask = gate === null && step.kind === 'subtask' ? subtaskOf(state, step.id) : null;
    try {
      await context.cage.start(folder, env, {
        ...{ spec, root, key: context.keys.of(nonce) },
        limits: resourceLimitsOf(state.spec, subtask),
        onExit: () => context.jobs.exited(folder),
      });
    } catch (error) {
      // Where the manager went away in the middle, the runner may still come, and is looked for again.
      const may_come = isRasenError(error) && error.kind === 'manager_away';
      if (!may_come && !readAttempt(folder, mark).claimed) {
        await context.jobs.ended(folder);
        await clearTemporaryFolder(context, state, nonce);
      }
      throw error;
    }
  }
  const { identity } = await reported(folder, mark);
  const talks = gate === null && isThere(notesFolder(folder));
  return { type: 'launch', pid: identity?.pid ?? 0, cage: cageOf(folder, mark).kind, sandbox, talks };
}

/** A runner says who it is within a moment of its claim; one that died in between never will. */
async function reported(folder: string, mark: RunnerMark): Promise<AttemptFacts> {
  const deadline = performance.now() + REPORT_MS_MAX;
  let facts = readAttempt(folder, mark);
  while (!facts.identity && !facts.exit && performance.now() < deadline) {
    await new Promise(resolve => setTimeout(resolve, REPORT_POLL_MS));
    if (isThere(join(folder, 'runner')) || isThere(join(folder, 'exit'))) facts = readAttempt(folder, mark);
  }
  return facts;
}

/** What is to be started: what its runner is told, and what its environment has besides that of every job. */
interface Start {
  spec: AttemptSpec;
  root: string | null;
  env: Record<string, string>;
  env_defaults: Record<string, string>;
  fence: Fence;
}

/** Its folder was written when it was prepared. Where it runs is looked up now. */
async function writeWork(
  context: EffectContext,
  state: TaskState,
  step: Step,
  attempt: Attempt,
  who: Recipient,
): Promise<Start> {
  const own = step.kind === 'subtask' ? subtaskOf(state, step.id).env : {};
  const fenced = { who, nonce: attempt.nonce, root: context.places.root(state, step), env: own };
  const fence = await fenceFor(context, state, fenced);
  const { env, env_defaults, ...work } = await workOf(context, state, step, attempt, fence.wrap);
  const place = await folderOfWork(context, state, step);
  const job = { ...jobOfWork(context, state, step, attempt, work), cwd: place.cwd };
  return {
    spec: await writeJob(context, state, job),
    root: place.root,
    env,
    env_defaults,
    fence,
  };
}

/** Folder and spec of a gate's job: made only now, when nothing of the attempt lives any more. */
async function writeGate(
  context: EffectContext,
  state: TaskState,
  step: Step,
  attempt: Attempt,
  run: GateRun,
  who: Recipient,
): Promise<Start> {
  const { nonce, job } = run;
  const folder = context.places.job(state.id, job);
  const gate = gatesOf(state, step)[run.gate]!;
  const commit = attempt.sealed?.commit ?? attempt.from;
  const top = await gatePlace(context, state, step, attempt, run);
  const { cwd, root } = await workingFolder(top, folderOf(state), state.spec.workspace.kind === 'git');
  const role = gate.kind === 'review' ? 'reviewer' : gate.kind === 'qa' ? 'qa' : null;
  if (role !== null) makeResultFolder(context, state, nonce);
  const fence = await fenceFor(context, state, { who, nonce, root: top });
  const { argv, prompt, env, env_defaults } =
    role === null
      ? {
          argv:
            gate.kind === 'setup'
              ? await argvOfSetup(context, state, commit, fence.wrap)
              : fence.wrap(gate.run!.run),
          prompt: null,
          env: {},
          env_defaults: {},
        }
      : await judgeWork(context, state, step, attempt, role, { nonce, folder, cwd, wrap: fence.wrap });
  const files = { step: step.id, n: attempt.n, nonce, folder, argv, cwd, prompt };
  const spec = await writeJob(context, state, files);
  if (prompt !== null) await rememberWork(context, state, folder);
  const facts = { RASEN_GATE: gate.name, ...(commit ? { RASEN_COMMIT: commit } : {}) };
  return { spec, root, env: { ...facts, ...env }, env_defaults, fence };
}

async function argvOfSetup(
  context: EffectContext,
  state: TaskState,
  commit: string | null,
  wrap: Wrap,
): Promise<string[]> {
  return await setupArgv(await repositoryOf(context, state), state, commit ?? goodCommit(state), wrap);
}

/** Review and QA see the commit in a checkout of their own that they cannot write, and that is thrown away. */
async function judgeWork(
  context: EffectContext,
  state: TaskState,
  step: Step,
  attempt: Attempt,
  role: Role,
  { nonce, folder, cwd, wrap }: { nonce: string; folder: string; cwd: string; wrap: Wrap },
): Promise<Work> {
  const commit = attempt.sealed?.commit ?? attempt.from ?? goodCommit(state);
  const diff_range = `${step.kind === 'final' ? state.workspace!.base : goodCommit(state)}..${commit}`;
  const session = { role, nonce, attempt: attempt.n, diff_range, model: null, cwd, folder, resume: null };
  const work = await agentWork(context, state, step, session, wrap);
  return { ...work, env: { ...work.env, RASEN_DIFF_RANGE: diff_range } };
}
