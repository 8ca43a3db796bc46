/** merge: the user's `rasen merge`. Made aside, gates run on the result, then the branch moves; repeatable as a whole. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isRasenError, RasenError } from '../../contract/errors.ts';
import type { GateEvidence } from '../../contract/event.ts';
import type { GateSpec } from '../../contract/plan.ts';
import type { Effect, Result } from '../../engine/effect.ts';
import { finalGates, type Gate, type GateKind, setupGate } from '../../engine/gates-of.ts';
import { resourceLimitsOf } from '../../engine/resource-limits.ts';
import { STEP, type TaskState } from '../../engine/state.ts';
import { folderOf } from '../../engine/working-folder.ts';
import { treeOf } from '../../git/history.ts';
import { merge as mergeCommit } from '../../git/merge.ts';
import type { Repository } from '../../git/repository.ts';
import { listForeign, untroubled } from '../../host/foreign-file.ts';
import { tryToRemove } from '../../host/remove-tree.ts';
import { troubleWith } from '../../host/trouble.ts';
import { attemptMarker, readAttempt } from '../../runner/attempt-dir.ts';
import { unitFinishingMs } from '../../runner/cage/unit-members.ts';
import { isAlive } from '../../runner/identity.ts';
import type { RunnerMark } from '../../runner/records.ts';
import { placeIn } from '../../runner/small-file.ts';
import { stopAttempt } from '../../runner/stop.ts';
import { type EffectContext, goodCommit } from './context.ts';
import { hashOf, STOP_GRACE_MS, SWEEP_GRACE_MS, tail, witnessed } from './end.ts';
import { jobEnv, recipientOfGate } from './job-env.ts';
import { writeJob } from './prepare.ts';
import { repositoryOf } from './repository.ts';
import { fenceFor } from './sandboxed.ts';
import { setupArgv } from './setup-argv.ts';
import { clearTemporaryFolder } from './temporary-folder.ts';
import { workingFolder } from './working-folder.ts';

const POLL_MS = 20;
/** Runs of gates of one merge whose folders can be there. */
const RUNS_MAX = 10_000;

export async function merge(
  context: EffectContext,
  state: TaskState,
  effect: Extract<Effect, { type: 'merge' }>,
  suspended: AbortSignal,
): Promise<Result> {
  const { into, squash } = state.merge!;
  if (suspended.aborted) throw cutShort(state, suspended);
  const repo = await repositoryOf(context, state);
  const gates: GateEvidence[] = [];
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
      for (const [index, { kind, name, run }] of checks.entries()) {
        if (suspended.aborted) throw cutShort(state, suspended);
        context.merging(state.id, { gate: name, done: index, of: checks.length });
        const gate = { suspended, op: effect.op, index, kind, spec: run!, checkout, commit };
        const evidence = await runGate(context, state, repo, gate);
        gates.push(evidence);
        if (!evidence.passed && !evidence.tolerated) throw refused(evidence);
      }
      if (suspended.aborted) throw cutShort(state, suspended);
      context.merging(state.id, { gate: null, done: checks.length, of: checks.length });
    },
  }).finally(() => context.merging(state.id, null));
  return { type: 'merge', merged: { ...merged, gates } };
}

/** What is run on the result, in order: the checkout is made ready first, where there are gates to be ready for. */
function checksOf(state: TaskState): Gate[] {
  const gates = finalGates(state).filter(gate => gate.run && gate.variant === null);
  return state.spec.setup === null || gates.length === 0 ? gates : [setupGate(state.spec, 'work'), ...gates];
}

function refused({ kind, name, ...evidence }: GateEvidence): RasenError {
  const tailLines = (evidence.log_tail ?? '').trimEnd().split('\n').slice(-20).join('\n');
  return new RasenError(
    'gate_failed',
    kind === 'setup'
      ? `setup failed on the merge result (${evidence.reason}); nothing was moved`
      : `the ${name} gate is red on the merge result (${evidence.reason}); nothing was moved`,
    {
      hint: `Its output ends with:\n${tailLines}`,
      data: { gate: name, code: evidence.code },
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
  kind: GateKind;
  spec: GateSpec;
  checkout: string;
  commit: string;
}

async function runGate(
  context: EffectContext,
  state: TaskState,
  repo: Repository,
  gate: GateOnMerge,
): Promise<GateEvidence> {
  const runs = context.places.job(state.id, join(STEP.merge, gate.op));
  await endEarlierRuns(context, state, runs, gate.index);
  const nonce = randomBytes(8).toString('hex');
  const key = context.keys.of(nonce);
  // Nothing of it is in the journal: it is made and judged by this supervisor, or else made again.
  const mark = { nonce, record_keys: [key.commitment] };
  const folder = join(runs, `${gate.index}-${nonce}`);
  const marker = markerOf(state, gate.index, nonce);
  const { cwd, root } = await workingFolder(gate.checkout, folderOf(state), true);
  const who = recipientOfGate(state, gate);
  const fence = await fenceFor(context, state, { who, nonce, root: gate.checkout });
  const argv =
    gate.kind === 'setup' ? await setupArgv(repo, state, gate.commit, fence.wrap) : fence.wrap(gate.spec.run);
  const job = { step: STEP.merge, n: gate.index + 1, nonce, folder, argv, cwd, prompt: null };
  const spec = await writeJob(context, state, job);
  const facts = {
    RASEN_TASK: state.id,
    RASEN_GATE: gate.spec.name,
    RASEN_COMMIT: gate.commit,
    RASEN_PROJECT: state.spec.project,
  };
  const env = fence.env(await jobEnv(context, state, { who, nonce, env: facts }));
  const started = performance.now();
  context.jobs.watch(state.id, folder, {
    ...{ mark, marker },
    child: context.cage.kind === 'group',
    max_bytes: state.spec.limits.output_max_bytes,
    silence: null,
    session: null,
  });
  const limits = resourceLimitsOf(state.spec, null);
  await context.cage.start(folder, env, { spec, root, key, limits, onExit: () => {} });
  const timedOut = await ended(folder, mark, gate.spec.timeout_seconds * 1000, gate.suspended);
  await stopAttempt(folder, marker, { mark, grace_ms: timedOut ? STOP_GRACE_MS : SWEEP_GRACE_MS });
  await context.jobs.ended(folder);
  await clearTemporaryFolder(context, state, nonce);
  if (gate.suspended.aborted) throw cutShort(state, gate.suspended);
  const { exit } = (await witnessed(context, folder, { mark, marker, proves: true })).facts;
  if (exit?.result === 'no_files') {
    const trouble = troubleWith('disk', folder, `no output can be written to ${folder}`);
    throw new RasenError('storage', `The ${gate.spec.name} gate could not be run: ${trouble.message}`, {
      data: { trouble },
    });
  }
  const code = exit?.code ?? null;
  const reason = timedOut
    ? 'timed out'
    : !exit
      ? 'lost'
      : exit.result !== 'exited'
        ? exit.result
        : gate.spec.ok.includes(code ?? -1)
          ? null
          : `exit code ${code}`;
  return {
    name: gate.spec.name,
    kind: gate.kind,
    passed: reason === null,
    tolerated: reason !== null && gate.kind === 'run' && state.tolerated.includes(gate.spec.name),
    reason,
    needs_person: false,
    findings: [],
    argv: gate.spec.run,
    code,
    duration_ms: Math.round(performance.now() - started),
    log_sha256: await hashOf(folder, state.spec.limits.output_max_bytes),
    log_tail: await tail(folder, 50, 2048),
    commit: gate.commit,
    tree: await treeOf(repo, gate.commit),
  };
}

const markerOf = ({ id: task }: TaskState, index: number, nonce: string) =>
  attemptMarker({ task, subtask: STEP.merge, attempt: index + 1, nonce });

/** A supervisor before this one may have died while the gate ran: that one ends first. */
async function endEarlierRuns(
  context: EffectContext,
  state: TaskState,
  runs: string,
  index: number,
): Promise<void> {
  const place = placeIn(runs, '');
  const found = untroubled(place, listForeign(place, RUNS_MAX));
  for (const name of (found.ok ? found.value : []).filter(known => known.startsWith(`${index}-`))) {
    const folder = join(runs, name);
    const nonce = name.slice(`${index}-`.length);
    // Nobody counts what it recorded.
    const mark = { nonce, record_keys: [] };
    const marker = markerOf(state, index, nonce);
    await stopAttempt(folder, marker, { mark, grace_ms: SWEEP_GRACE_MS }).catch(() => {});
    await context.cage.lastWord?.(marker);
    const problem = await tryToRemove(folder);
    if (problem !== null) throw new RasenError('storage', `${folder} of an earlier try stays: ${problem}.`);
  }
}

/** Resolves when the runner is over; true when the time is up. */
async function ended(
  folder: string,
  mark: RunnerMark,
  timeoutMs: number,
  suspended: AbortSignal,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const { exit, identity } = readAttempt(folder, mark);
    // A unit that is being swept is not over, although its runner is.
    if (exit || (identity && !isAlive(identity) && unitFinishingMs(folder, mark) === null)) return false;
    if (suspended.aborted || performance.now() > deadline) return true;
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}
