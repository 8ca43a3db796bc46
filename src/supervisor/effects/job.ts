/**
 * A job from its start to its end, whatever asks for it: the work of an attempt, one of its gates, a gate of a merge.
 * What its end means is for the engine to say.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isRasenError } from '../../contract/errors.ts';
import type { ResourceLimits } from '../../contract/plan.ts';
import type { ExitFacts } from '../../engine/effect.ts';
import type { Gate } from '../../engine/gates-of.ts';
import type { Recipient } from '../../engine/recipient.ts';
import type { TaskState } from '../../engine/state.ts';
import { folderOf } from '../../engine/working-folder.ts';
import { keepFolder, replaceForeign, streamForeign } from '../../host/foreign-file.ts';
import { isPassing } from '../../host/trouble.ts';
import { type AttemptFacts, type AttemptSpec, readAttempt } from '../../runner/attempt-dir.ts';
import { unitFinishingMs } from '../../runner/cage/unit-members.ts';
import { bootId, isAlive, isStopped } from '../../runner/identity.ts';
import type { ExitRecord, RunnerMark } from '../../runner/records.ts';
import { isThere, placeIn, storage } from '../../runner/small-file.ts';
import { stopAttempt } from '../../runner/stop.ts';
import { lastLines } from '../../runner/tail.ts';
import type { Watched } from '../jobs.ts';
import { type EffectContext, goodCommit } from './context.ts';
import { jobEnv } from './job-env.ts';
import type { Patient } from './patience.ts';
import { writeJob } from './prepare.ts';
import { unreadable } from './readable-tail.ts';
import { repositoryOf } from './repository.ts';
import { type Fence, fenceFor, type Wrap } from './sandboxed.ts';
import { setupArgv } from './setup-argv.ts';
import { clearTemporaryFolder } from './temporary-folder.ts';
import { workingFolder } from './working-folder.ts';

/** The ladder: from SIGTERM to SIGKILL. */
const STOP_GRACE_MS = 30_000;
/** What an ended command left running gets less. */
export const SWEEP_GRACE_MS = 2_000;
/** Longest wait for a runner that claimed its attempt to say who it is. */
export const REPORT_MS_MAX = 10_000;
const REPORT_POLL_MS = 3;
/** Left before the first signal. */
const MARK = 'stopped';
const SIGKILL = 9;

/** Where a job is, and by what its records and its processes are known. */
export interface JobAt {
  folder: string;
  nonce: string;
  mark: RunnerMark;
  marker: string;
}

/** What is to be started: what its runner is told, and what its environment has besides that of every job. */
export interface Start {
  spec: AttemptSpec;
  root: string | null;
  env: Record<string, string>;
  env_defaults: Record<string, string>;
  fence: Fence;
}

export interface GateJob {
  /** As its runner is told. */
  step: string;
  n: number;
  gate: Gate;
  who: Recipient;
  /** Of the checkout that it runs in. */
  top: string;
  commit: string | null;
  /** What it finds of services. */
  services: Readonly<Record<string, string>>;
}

/** Folder and spec of a gate that is a command; not of a judge. */
export async function startOfGate(
  context: EffectContext,
  state: TaskState,
  { folder, nonce }: Pick<JobAt, 'folder' | 'nonce'>,
  { step, n, gate, who, top, commit, services }: GateJob,
): Promise<Start> {
  const { cwd, root } = await workingFolder(top, folderOf(state), state.spec.workspace.kind === 'git');
  const fence = await fenceFor(context, state, { who, nonce, root: top, services });
  const argv =
    gate.kind === 'setup' ? await argvOfSetup(context, state, commit, fence.wrap) : fence.wrap(gate.run!.run);
  const spec = await writeJob(context, state, { step, n, nonce, folder, argv, cwd, prompt: null });
  return { spec, root, fence, env: gateFacts(gate, commit), env_defaults: {} };
}

/** What every gate finds in its environment. */
export const gateFacts = ({ name }: Pick<Gate, 'name'>, commit: string | null): Record<string, string> => ({
  RASEN_GATE: name,
  ...(commit ? { RASEN_COMMIT: commit } : {}),
});

async function argvOfSetup(
  context: EffectContext,
  state: TaskState,
  commit: string | null,
  wrap: Wrap,
): Promise<string[]> {
  return await setupArgv(await repositoryOf(context, state), state, commit ?? goodCommit(state), wrap);
}

/**
 * Starts the runner, and resolves when it has said who it is, or never will. Where nothing can come of it any more, the
 * job is not watched, and its temporary folder is gone.
 */
export async function startJob(
  context: EffectContext,
  state: TaskState,
  { folder, nonce, mark }: Omit<JobAt, 'marker'>,
  {
    who,
    facts,
    watched,
    limits,
    start,
  }: {
    who: Recipient;
    /** Of its task, for its environment. */
    facts: Record<string, string>;
    watched: Watched;
    limits: ResourceLimits;
    start: Start;
  },
): Promise<AttemptFacts> {
  const { spec, root, fence, env, env_defaults } = start;
  const whole = fence.env(
    await jobEnv(context, state, { who, nonce, env_defaults, env: { ...facts, ...env } }),
  );
  context.jobs.watch(state.id, folder, { ...watched, mark, child: context.cage.kind === 'group' });
  try {
    await context.cage.start(folder, whole, {
      ...{ spec, root, key: context.keys.of(nonce), limits },
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
  return await reported(folder, mark);
}

/** A runner says who it is within a moment of its claim; one that died in between never will. */
export async function reported(folder: string, mark: RunnerMark): Promise<AttemptFacts> {
  const deadline = performance.now() + REPORT_MS_MAX;
  let facts = readAttempt(folder, mark);
  while (!facts.identity && !facts.exit && performance.now() < deadline) {
    await new Promise(resolve => setTimeout(resolve, REPORT_POLL_MS));
    if (isThere(join(folder, 'runner')) || isThere(join(folder, 'exit'))) facts = readAttempt(folder, mark);
  }
  return facts;
}

export interface Life {
  facts: AttemptFacts;
  /** null: it is claimed, and its runner has not said yet who it is. */
  alive: boolean | null;
  exited: boolean;
}

/** Whether a job lives, as its folder and the table of processes say. */
export function lifeAt(folder: string, mark: RunnerMark): Life {
  const facts = readAttempt(folder, mark);
  const finishing_ms = facts.exit ? null : unitFinishingMs(folder, mark);
  const unsaid = facts.claimed && !facts.fenced && !facts.exit ? null : false;
  return {
    facts,
    alive: facts.identity ? isAlive(facts.identity) || finishing_ms !== null : unsaid,
    // The manager is patient with what the command left running; that is swept like everywhere.
    exited: facts.exit !== null || (finishing_ms ?? 0) > SWEEP_GRACE_MS,
  };
}

/**
 * Sweeps what a job left, or stops it first (`kill`); resolves when no process of it is left. True: its work was over
 * before we signalled anything.
 */
export async function emptyJob(
  context: EffectContext,
  { folder, mark, marker }: Omit<JobAt, 'nonce'>,
  kill: { signal?: AbortSignal } | null,
): Promise<boolean> {
  const early = readAttempt(folder, mark);
  // A stop may come before anything was written; the fence needs a folder to stand in, and what is read is ours to read.
  keepFolder(placeIn(folder, ''));
  const recording = context.jobs.isRecording(folder);
  const by_itself = endedByItself(folder, early, { stops: kill !== null, recording });
  if (kill !== null || !(await isOver(context, early, marker))) {
    const grace_ms = kill === null ? SWEEP_GRACE_MS : STOP_GRACE_MS;
    await stopAttempt(folder, marker, { mark, grace_ms, ...kill });
  }
  await context.jobs.ended(folder);
  return by_itself;
}

/**
 * Whether it was over before we signalled anything. A mark is left before the first signal: a supervisor that dies while
 * it stops a job leaves an end that the next one would take for the job's own.
 */
function endedByItself(
  folder: string,
  { exit, ended, identity }: AttemptFacts,
  { stops, recording }: { stops: boolean; recording: boolean },
): boolean {
  if (isThere(join(folder, MARK))) return false;
  const waits = recording && identity !== null && isStopped(identity);
  const over = exit !== null || ended?.term === false || waits;
  if (stops && !over) {
    const place = placeIn(folder, MARK);
    const marked = replaceForeign(place, '');
    // It is perhaps what fills the disk that is to be stopped.
    if (!marked.ok && marked.fault === 'unreadable' && !isPassing(marked.errno))
      throw storage('to mark the stop of a job', place, marked);
  }
  return over;
}

/**
 * The usual end: recorded, runner gone, nothing left behind. The end of a unit is recorded when its control group is
 * empty, so there is nothing to look for.
 */
async function isOver(
  context: EffectContext,
  { exit, identity }: AttemptFacts,
  marker: string,
): Promise<boolean> {
  return (
    exit !== null &&
    identity !== null &&
    !isAlive(identity) &&
    (exit.unit !== null || (await context.sweeper.isEmpty({ marker, identity, up: exit.up })))
  );
}

/**
 * What its folder says of a job that is over, as far as it is borne out. The record of a unit's end is that of the manager
 * where it came to write one, else what the runner said. The manager itself is asked too, which no file can change, and keeps
 * what failed until then; its word counts where the end `proves` something, so that somebody may gain by another.
 */
export async function witnessed(
  context: EffectContext,
  { folder, mark, marker }: Omit<JobAt, 'nonce'>,
  proves: boolean,
): Promise<{ facts: AttemptFacts; exit: ExitFacts | null; forged: string[] }> {
  const found = readAttempt(folder, mark);
  const exit = found.exit ?? unitless(found.ended);
  const forged = found.forged.map(name => `the record "${name}" was not written by the runner`);
  const word = await context.cage.lastWord?.(marker);
  if (proves && word && word.code !== null && exit?.result === 'exited' && exit.code !== word.code) {
    const said = `it says exit code ${exit.code}, and the manager saw ${word.code}`;
    forged.push(`the record does not agree with the service manager: ${said}`);
    return { facts: { ...found, exit: null }, exit: null, forged };
  }
  return { facts: { ...found, exit }, exit: exit && exitFacts(exit), forged };
}

/** Of a unit that is gone without a record of the manager's: who was told to end before it had is taken for stopped. */
function unitless(ended: ExitRecord | null): ExitRecord | null {
  if (ended === null) return null;
  const unknown = { cpu_usec: null, memory_peak_bytes: null, oom_kills: null };
  return { ...ended, unit: { service_result: '', stopped: ended.term, ...unknown } };
}

function exitFacts(exit: ExitRecord): ExitFacts {
  const { result, code, signal, ended_at, unit } = exit;
  return {
    result,
    code,
    signal,
    ended_at,
    ended_by: endedBy(exit),
    cpu_ms: unit?.cpu_usec == null ? null : Math.round(unit.cpu_usec / 1000),
    memory_peak_bytes: unit?.memory_peak_bytes ?? null,
  };
}

/** Without a manager that says so, a runner that was told to end in an earlier boot went down with the machine. */
function endedBy({ result, code, term, boot, unit }: ExitRecord): ExitFacts['ended_by'] {
  // One child that was too large may have been seen to; that the command itself, or all, was killed for it, was not.
  const killed = result === 'killed' || code === 128 + SIGKILL;
  if (unit?.service_result === 'oom-kill' || (killed && (unit?.oom_kills ?? 0) > 0)) return 'memory';
  // The same word is used when leftovers of an ended command were slow to go; its runner was not told to end then.
  if (term && unit?.service_result === 'timeout' && !unit.stopped) return 'runtime';
  return term && (unit ? unit.stopped : boot !== bootId()) ? 'machine' : null;
}

/** The last lines of an output; null where there is none. A sentence where it has been out of reach for too long. */
export async function tail(
  folder: string,
  { lines, bytes }: { lines: number; bytes: number },
): Promise<string | null> {
  const { text, problem } = await lastLines(folder, lines, bytes);
  return problem === null ? text.toString('utf8') : unreadable(problem);
}

/** What `read` gives of an output, or a sentence where the output has been out of reach for too long. */
export async function orUnreadable(
  { problemOf }: Patient,
  read: () => Promise<string | null>,
): Promise<string | null> {
  try {
    return await read();
  } catch (error) {
    return unreadable(problemOf(error));
  }
}

/** sha256 of what is kept of an output, at most `max` bytes; null where there is no such file that can be read. */
export async function hashOf(folder: string, max: number, patient: Patient): Promise<string | null> {
  const place = placeIn(folder, 'output');
  const output = patient.untroubled(place, streamForeign(place, { max }));
  if (!output.ok) return null;
  const hash = createHash('sha256');
  try {
    await pipeline(output.value.stream, hash);
  } catch (error) {
    patient.problemOf(error);
    return null;
  }
  return hash.digest('hex');
}
