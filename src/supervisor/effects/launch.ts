/** launch: spawn the runner of a job, once or never, and wait until it has said who it is. */
import type { ResourceLimits, Subtask } from '../../contract/plan.ts';
import type { Role } from '../../contract/spec.ts';
import type { Effect, Result } from '../../engine/effect.ts';
import { gatesOf, subtaskIn } from '../../engine/gates-of.ts';
import type { Recipient } from '../../engine/recipient.ts';
import { resourceLimitsOf } from '../../engine/resource-limits.ts';
import { isService, serviceEnv } from '../../engine/service.ts';
import { type Attempt, type GateRun, openJob, type Step, type TaskState } from '../../engine/state.ts';
import { folderOf } from '../../engine/working-folder.ts';
import { type AttemptFacts, readAttempt } from '../../runner/attempt-dir.ts';
import { cageOf } from '../../runner/cage/attempt-cage.ts';
import { isThere } from '../../runner/small-file.ts';
import { notesFolder } from '../places.ts';
import { agentWork, type Work } from './agent-work.ts';
import { type EffectContext, factsEnv, goodCommit, watched } from './context.ts';
import { gatePlace } from './gate-place.ts';
import { gateFacts, reported, type Start, startJob, startOfGate } from './job.ts';
import { recipientOfGate, recipientOfWork } from './job-env.ts';
import { rememberWork } from './judged-work.ts';
import { folderOfWork, jobOfWork, makeResultFolder, workOf, writeJob } from './prepare.ts';
import { type Fence, fenceFor, sandboxKindOf, sandboxOf, type Wrap } from './sandboxed.ts';
import { workingFolder } from './working-folder.ts';

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
  let facts: AttemptFacts;
  if (readAttempt(folder, mark).claimed) {
    context.jobs.watch(state.id, folder, { ...job, mark, child: false });
    await context.doors.again(doorOf(state, step, attempt, nonce));
    sandbox = await sandboxKindOf(context, state, who);
    facts = await reported(folder, mark);
  } else {
    const start = gate
      ? await writeGate(context, state, step, attempt, gate, who)
      : await writeWork(context, state, step, attempt, who);
    sandbox = start.fence.kind;
    const subtask = gate === null ? subtaskIn(state, step) : null;
    facts = await startJob(
      context,
      state,
      { folder, nonce, mark },
      {
        ...{
          who,
          start,
          facts: { ...factsEnv(state, step, attempt.n), ...serviceEnv(state, step) },
          watched: job,
        },
        limits: limitsOf(state, step, subtask),
      },
    );
  }
  const talks = gate === null && isThere(notesFolder(folder));
  return { type: 'launch', pid: facts.identity?.pid ?? 0, cage: cageOf(folder, mark).kind, sandbox, talks };
}

const doorOf = (state: TaskState, step: Step, { n }: Attempt, nonce: string) => ({
  ...{ task: state.id, step: step.id, n, nonce },
});

/** A service has no end of its own, unless its user wrote one. */
function limitsOf(state: TaskState, step: Step, subtask: Subtask | null): ResourceLimits {
  const limits = resourceLimitsOf(state.spec, subtask);
  return isService(step)
    ? { ...limits, runtime_max_seconds: subtask?.limits.runtime_max_seconds ?? null }
    : limits;
}

/** Its folder was written when it was prepared. Where it runs is looked up now. */
async function writeWork(
  context: EffectContext,
  state: TaskState,
  step: Step,
  attempt: Attempt,
  who: Recipient,
): Promise<Start> {
  const own = subtaskIn(state, step)?.env ?? {};
  const [root, services] = [context.places.root(state, step), serviceEnv(state, step)];
  // A session has one, a command none: what is handed over is handed on no further.
  const hands_over =
    'role' in who &&
    (await sandboxOf(context, state, who))?.kind === 'bubblewrap' &&
    !state.spec.sandbox?.within;
  const door = hands_over ? await context.doors.open(doorOf(state, step, attempt, attempt.nonce)) : null;
  const fenced = { who, nonce: attempt.nonce, root, env: own, services, door };
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
  const services = serviceEnv(state, step);
  const role = gate.kind === 'review' ? 'reviewer' : gate.kind === 'qa' ? 'qa' : null;
  if (role === null)
    return await startOfGate(
      context,
      state,
      { folder, nonce },
      { step: step.id, n: attempt.n, gate, who, top, commit, services },
    );
  const { cwd, root } = await workingFolder(top, folderOf(state), state.spec.workspace.kind === 'git');
  makeResultFolder(context, state, nonce);
  const fence = await fenceFor(context, state, { who, nonce, root: top, services });
  const judge = { nonce, folder, cwd, wrap: fence.wrap };
  const { argv, prompt, env, env_defaults } = await judgeWork(context, state, step, attempt, role, judge);
  const files = { step: step.id, n: attempt.n, nonce, folder, argv, cwd, prompt };
  const spec = await writeJob(context, state, files);
  await rememberWork(context, state, folder);
  return { spec, root, env: { ...gateFacts(gate, commit), ...env }, env_defaults, fence };
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
