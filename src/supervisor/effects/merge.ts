/** merge: the user's `rasen merge`. Made aside, gates run on the result, then the branch moves; repeatable as a whole. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isRasenError, RasenError } from '../../contract/errors.ts';
import type { StopReason } from '../../contract/status.ts';
import type { Effect, Found, JudgedGate, Result } from '../../engine/effect.ts';
import { brokenOff, byExitCode, undecided } from '../../engine/evidence.ts';
import { finalGates, type Gate, MAX_GATE_DROPS, setupGate } from '../../engine/gates-of.ts';
import { resourceLimitsOf } from '../../engine/resource-limits.ts';
import { STEP, type TaskState } from '../../engine/state.ts';
import { treeOf } from '../../git/history.ts';
import { merge as mergeCommit } from '../../git/merge.ts';
import type { Repository } from '../../git/repository.ts';
import { listForeign, untroubled } from '../../host/foreign-file.ts';
import { tryToRemove } from '../../host/remove-tree.ts';
import { troubleWith } from '../../host/trouble.ts';
import { attemptMarker } from '../../runner/attempt-dir.ts';
import { placeIn } from '../../runner/small-file.ts';
import { stopAttempt } from '../../runner/stop.ts';
import { type EffectContext, goodCommit } from './context.ts';
import {
  emptyJob,
  hashOf,
  type JobAt,
  lifeAt,
  orUnreadable,
  SWEEP_GRACE_MS,
  startJob,
  startOfGate,
  tail,
  witnessed,
} from './job.ts';
import { recipientOfGate } from './job-env.ts';
import { MergeServices } from './merge-services.ts';
import { repositoryOf } from './repository.ts';
import { clearTemporaryFolder } from './temporary-folder.ts';

const POLL_MS = 20;
const MAX_TAIL = { lines: 50, bytes: 2048 };
/** Runs of gates of one merge whose folders can be there. */
const RUNS_MAX = 10_000;

export async function merge(
  context: EffectContext,
  state: TaskState,
  effect: Extract<Effect, { type: 'merge' }>,
  suspended: AbortSignal,
): Promise<Result> {
  const { into, squash } = state.merge!;
  await endMergeJobs(context, state);
  if (suspended.aborted) throw cutShort(state, suspended);
  const repo = await repositoryOf(context, state);
  const gates: JudgedGate[] = [];
  const merged = await mergeCommit(repo, {
    task: state.id,
    commit: goodCommit(state),
    into,
    squash,
    message: messageOf(state),
    scratch: context.places.checkout(state, 'merge'),
    check: async (checkout, commit) => {
      gates.length = 0;
      const checks = checksOf(state);
      const runs = context.places.job(state.id, join(STEP.merge, effect.op));
      const services = new MergeServices(context, state, {
        ...{ runs, checkout, suspended },
        markerOf: (index, nonce) => markerOf(state, index, nonce),
      });
      try {
        for (const [index, gate] of checks.entries()) {
          if (suspended.aborted) throw cutShort(state, suspended);
          context.merging(state.id, { gate: gate.name, done: index, of: checks.length });
          const env = gate.kind === 'setup' ? {} : await services.start();
          const asked = { suspended, op: effect.op, index, gate, checkout, commit, env };
          const judged = await judgedOn(context, state, repo, asked);
          gates.push(judged);
          if (judged.found.reason !== null && !judged.found.tolerated) throw refused(judged);
        }
      } catch (error) {
        // The verdict matters more than what stays.
        await services
          .stop()
          .catch(problem => context.log.warn({ task: state.id }, `a service of a merge stays: ${problem}`));
        throw error;
      }
      await services.stop();
      if (suspended.aborted) throw cutShort(state, suspended);
      context.merging(state.id, { gate: null, done: checks.length, of: checks.length });
    },
  }).finally(() => context.merging(state.id, null));
  return { type: 'merge', merged, gates };
}

/** What is run on the result, in order: the checkout is made ready first, where there are gates to be ready for. */
function checksOf(state: TaskState): Gate[] {
  const gates = finalGates(state).filter(gate => gate.run && gate.variant === null);
  return state.spec.setup === null || gates.length === 0 ? gates : [setupGate(state.spec, 'work'), ...gates];
}

function refused({ gate: { kind, name }, found }: JudgedGate): RasenError {
  const tailLines = (found.log_tail ?? '').trimEnd().split('\n').slice(-20).join('\n');
  return new RasenError(
    'gate_failed',
    kind === 'setup'
      ? `setup failed on the merge result (${found.reason}); nothing was moved`
      : `the ${name} gate is red on the merge result (${found.reason}); nothing was moved`,
    {
      hint: `Its output ends with:\n${tailLines}`,
      data: { gate: name, code: found.code ?? null },
    },
  );
}

/** The trailers come with the merge. */
const messageOf = (state: TaskState): string => state.spec.goal.trim().split('\n')[0]!.slice(0, 72);

/**
 * Told to suspend, nothing is recorded of it: the next supervisor finds the merge still asked for. Told by a person, it is
 * refused with those words.
 */
function cutShort(state: TaskState, { reason }: AbortSignal): RasenError {
  if (isRasenError(reason)) return reason;
  return new RasenError('shutting_down', `the merge of ${state.id} is made again at the next start`);
}

interface GateOnMerge {
  suspended: AbortSignal;
  op: string;
  index: number;
  gate: Gate;
  checkout: string;
  commit: string;
  /** What it finds of services. */
  env: Record<string, string>;
}

/** Asked again while it comes to no judgement, as gates of attempts are. */
async function judgedOn(
  context: EffectContext,
  state: TaskState,
  repo: Repository,
  asked: GateOnMerge,
): Promise<JudgedGate> {
  const { gate, commit } = asked;
  const tree = await treeOf(repo, commit);
  for (let tries = 1; ; tries++) {
    const found = await askOnce(context, state, asked);
    if ('reason' in found) return { gate, commit, tree, found };
    if (tries >= MAX_GATE_DROPS) return { gate, commit, tree, found: { reason: found.undecided } };
  }
}

async function askOnce(
  context: EffectContext,
  state: TaskState,
  { suspended, op, index, gate, checkout, commit, env }: GateOnMerge,
): Promise<Found | { undecided: string }> {
  const runs = context.places.job(state.id, join(STEP.merge, op));
  await endEarlierRuns(context, state, runs, index);
  const nonce = randomBytes(8).toString('hex');
  // Nothing of it is in the journal: it is made and judged by this supervisor, or else made again.
  const mark = { nonce, record_keys: [context.keys.of(nonce).commitment] };
  const folder = join(runs, `${index}-${nonce}`);
  const marker = markerOf(state, index, nonce);
  const at = { folder, nonce, mark, marker };
  const who = recipientOfGate(state, gate);
  const job = { step: STEP.merge, n: index + 1, gate, who, top: checkout, commit, services: env };
  const start = await startOfGate(context, state, at, job);
  const max_bytes = state.spec.limits.output_max_bytes;
  const started = performance.now();
  await startJob(context, state, at, {
    ...{ who, start, limits: resourceLimitsOf(state.spec, null) },
    facts: { RASEN_TASK: state.id, RASEN_PROJECT: state.spec.project, ...env },
    watched: { marker, max_bytes, silence: null, session: null },
  });
  const why = await untilOver(context, at, gate.run!.timeout_seconds * 1000, suspended);
  const by_itself = await emptyJob(context, at, why === null ? null : {});
  await clearTemporaryFolder(context, state, nonce);
  if (suspended.aborted) throw cutShort(state, suspended);
  const { exit } = await witnessed(context, at, true);
  if (exit?.result === 'no_files') {
    const trouble = troubleWith('disk', folder, `no output can be written to ${folder}`);
    throw new RasenError('storage', `The ${gate.name} gate could not be run: ${trouble.message}`, {
      data: { trouble },
    });
  }
  const stopped = by_itself && exit ? null : why;
  const nothing = undecided(exit, stopped);
  if (nothing) return { undecided: nothing };
  const reason = brokenOff(gate, exit, stopped) ?? byExitCode(gate, exit!);
  // The folder is another at each try.
  const said = await context.patience.with(join(runs, String(index)), async patient => ({
    log_sha256: await hashOf(folder, max_bytes, patient),
    log_tail: await orUnreadable(patient, () => tail(folder, MAX_TAIL)),
  }));
  return {
    reason,
    tolerated: reason !== null && gate.kind === 'run' && state.tolerated.includes(gate.name),
    code: exit?.code ?? null,
    duration_ms: Math.round(performance.now() - started),
    ...said,
  };
}

const markerOf = ({ id: task }: TaskState, index: number, nonce: string) =>
  attemptMarker({ task, subtask: STEP.merge, attempt: index + 1, nonce });

/**
 * Ends the gates and services of the merge that is asked for: a supervisor before this one may have died while they ran, and
 * nobody says that the merge gets as far again. What runs then is none of a merge.
 */
export async function endMergeJobs(context: EffectContext, state: TaskState): Promise<void> {
  if (!state.merge) return;
  await endEarlierRuns(context, state, context.places.job(state.id, join(STEP.merge, state.merge.op)), null);
}

/** null: of every index. */
async function endEarlierRuns(
  context: EffectContext,
  state: TaskState,
  runs: string,
  wanted: number | null,
): Promise<void> {
  const place = placeIn(runs, '');
  const found = untroubled(place, listForeign(place, RUNS_MAX));
  for (const name of found.ok ? found.value : []) {
    const [, number, nonce] = /^(\d+)-([0-9a-f]+)$/.exec(name) ?? [];
    const index = Number(number);
    if (nonce === undefined || (wanted !== null && wanted !== index)) continue;
    const folder = join(runs, name);
    // Nobody counts what it recorded.
    const mark = { nonce, record_keys: [] };
    const marker = markerOf(state, index, nonce);
    await stopAttempt(folder, marker, { mark, grace_ms: SWEEP_GRACE_MS }).catch(() => {});
    await context.cage.lastWord?.(marker);
    const problem = await tryToRemove(folder);
    if (problem !== null) throw new RasenError('storage', `${folder} of an earlier try stays: ${problem}.`);
  }
}

/** Resolves when the job is over, or has to be stopped: with why. */
async function untilOver(
  context: EffectContext,
  { folder, mark }: Pick<JobAt, 'folder' | 'mark'>,
  timeout_ms: number,
  suspended: AbortSignal,
): Promise<StopReason | null> {
  const deadline = performance.now() + timeout_ms;
  for (;;) {
    const { alive, exited } = lifeAt(folder, mark);
    if (exited || !alive) return null;
    if (suspended.aborted) return 'suspend';
    // It is over, and waits for the disk to take the record of that; the views say so.
    if (!context.jobs.isRecording(folder)) {
      if (context.jobs.isFlood(folder)) return 'flood';
      if (performance.now() > deadline) return 'timeout';
    }
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}
