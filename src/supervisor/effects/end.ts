/** end: bring a job to its end. Resolves only when no process of it is left; then reads what it leaves behind. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../../contract/errors.ts';
import type { Claim } from '../../contract/event.ts';
import type { Effect, EndFacts, ExitFacts, Result } from '../../engine/effect.ts';
import { gatesOf } from '../../engine/gates-of.ts';
import { type OpenJob, openJob, type TaskState } from '../../engine/state.ts';
import {
  keepFolder,
  listForeign,
  replaceForeign,
  streamForeign,
  untroubled,
} from '../../host/foreign-file.ts';
import { isPassing } from '../../host/trouble.ts';
import { type AttemptFacts, attemptMarker, readAttempt } from '../../runner/attempt-dir.ts';
import { bootId, isAlive, isStopped } from '../../runner/identity.ts';
import { droppedBytes } from '../../runner/output-cap.ts';
import type { ExitRecord, RunnerMark } from '../../runner/records.ts';
import { isThere, placeIn, storage } from '../../runner/small-file.ts';
import { stopAttempt } from '../../runner/stop.ts';
import { lastLines } from '../../runner/tail.ts';
import { changedBaseTests } from './base-tests.ts';
import { agentRole, type EffectContext } from './context.ts';
import { putWorkRight } from './judged-work.ts';
import type { Patient } from './patience.ts';
import { readableTail, unreadable } from './readable-tail.ts';
import { NOTHING_SAID, whatWasSaid } from './said.ts';
import { saidNotes } from './tell.ts';
import { clearTemporaryFolder } from './temporary-folder.ts';

/** The ladder: from SIGTERM to SIGKILL. */
export const STOP_GRACE_MS = 30_000;
/** What an ended command left running gets less. */
export const SWEEP_GRACE_MS = 2_000;
const TAIL_LINES = 200;
const TAIL_BYTES = 16 * 1024;
/** Left before the first signal. */
const MARK = 'stopped';
const SIGKILL = 9;
/** More than any plan has steps. */
const STEPS_MAX = 5000;
const MAX_TAIL = { lines: TAIL_LINES, bytes: TAIL_BYTES };

export async function end(
  context: EffectContext,
  state: TaskState,
  effect: Extract<Effect, { type: 'end' }>,
  force: AbortSignal,
): Promise<Result> {
  const job = openJob(state, effect.job)!;
  const { step, attempt, nonce } = job;
  const folder = context.places.job(state.id, effect.job);
  const marker = attemptMarker({ task: state.id, subtask: step.id, attempt: attempt.n, nonce });
  const early = readAttempt(folder, job);
  // A stop may come before anything was written; the fence needs a folder to stand in, and what is read is ours to read.
  keepFolder(placeIn(folder, ''));
  const ended_by_itself = endedByItself(folder, early, {
    stops: effect.kill !== null,
    recording: context.jobs.isRecording(folder),
  });
  if (effect.kill !== null || !(await isOver(context, early, marker))) {
    await stopAttempt(folder, marker, {
      mark: job,
      grace_ms: effect.kill === null ? SWEEP_GRACE_MS : STOP_GRACE_MS,
      signal: force,
    });
  }
  await context.jobs.ended(folder);

  const gate = effect.gate !== null;
  const role = agentRole(state, step, effect.gate);
  const mask = await context.masks.of(state);
  // Of an agent's session nothing hangs on the exit code.
  const { facts, forged } = await witnessed(context, folder, { mark: job, marker, proves: role === null });
  if (!gate) forged.push(...planted(context, state, job, folder));
  const { claim, problem, session, unreached, log_sha256, log_tail } = await context.patience.with(
    folder,
    async patient => {
      const job = {
        ...{ role, nonce, folder, resumed: !gate && attempt.resume !== null },
        after_result: effect.why === 'result' && !ended_by_itself,
      };
      const said =
        role === null
          ? NOTHING_SAID
          : await whatWasSaid(context, state, { ...job, role }, heard(facts, effect), patient);
      if (!gate) return { ...said, log_sha256: null, log_tail: null };
      const words = () =>
        role === null
          ? tail(folder, TAIL_LINES, TAIL_BYTES)
          : readableTail(state, { role, folder }, { ...MAX_TAIL, mask });
      return {
        ...said,
        log_sha256: await hashOf(folder, state.spec.limits.output_max_bytes, patient),
        log_tail: issuesText(said.claim) ?? (await orUnreadable(patient, words)),
      };
    },
  );
  await clearTemporaryFolder(context, state, nonce);
  const meddled = gate && role !== null ? await putWorkRight(context, state, folder) : null;
  const result: EndFacts = {
    exit: facts.exit && exitFacts(facts.exit),
    ended_by_itself,
    last_seen_at: facts.output_mtime_ms === null ? null : new Date(facts.output_mtime_ms).toISOString(),
    output_bytes: facts.output_bytes,
    dropped_bytes: droppedBytes(folder),
    forged,
    claim,
    claim_problem: meddled ?? problem,
    session,
    unreached,
    notes_said: gate ? [] : saidNotes(state, folder),
    log_sha256,
    log_tail,
    base_tests:
      effect.gate !== null && gatesOf(state, step)[effect.gate]!.variant === 'base_tests'
        ? await changedBaseTests(context, state, attempt).catch(error => {
            context.log.warn(
              { task: state.id, error },
              `the changed tests stay unnamed: ${messageOf(error)}`,
            );
            return [];
          })
        : [],
  };
  return { type: 'end', facts: result };
}

/**
 * What its folder says of a job that is over, as far as it is borne out. The record of a unit's end is that of the manager
 * where it came to write one, else what the runner said. The manager itself is asked too, which no file can change, and keeps
 * what failed until then; its word counts where the end `proves` something, so that somebody may gain by another.
 */
export async function witnessed(
  context: EffectContext,
  folder: string,
  { mark, marker, proves }: { mark: RunnerMark; marker: string; proves: boolean },
): Promise<{ facts: AttemptFacts; forged: string[] }> {
  const found = readAttempt(folder, mark);
  const facts = { ...found, exit: found.exit ?? unitless(found.ended) };
  const forged = found.forged.map(name => `the record "${name}" was not written by the runner`);
  const word = await context.cage.lastWord?.(marker);
  if (
    proves &&
    word &&
    word.code !== null &&
    facts.exit?.result === 'exited' &&
    facts.exit.code !== word.code
  ) {
    const said = `it says exit code ${facts.exit.code}, and the manager saw ${word.code}`;
    forged.push(`the record does not agree with the service manager: ${said}`);
    return { facts: { ...facts, exit: null }, forged };
  }
  return { facts, forged };
}

/** Of a unit that is gone without a record of the manager's: who was told to end before it had is taken for stopped. */
function unitless(ended: ExitRecord | null): ExitRecord | null {
  if (ended === null) return null;
  const unknown = { cpu_usec: null, memory_peak_bytes: null, oom_kills: null };
  return { ...ended, unit: { service_result: '', stopped: ended.term, ...unknown } };
}

/** Folders of steps; there are no more than steps, and what an agent adds beyond that is not read. */
function listed(folder: string): string[] {
  const place = placeIn(folder, '');
  const found = untroubled(place, listForeign(place, STEPS_MAX));
  return found.ok ? found.value : [];
}

/** What lies where the records of later jobs will be. Nothing of rasen's is there before work is over. */
function planted({ places }: EffectContext, state: TaskState, { step }: OpenJob, folder: string): string[] {
  const early = isThere(join(folder, 'gates')) ? ['gates of it were there before one was run'] : [];
  const folders = listed(places.attempts(state.id));
  const begun = (name: string) =>
    state.steps.some(s => s.id === name && (s.attempts > 0 || s.id === step.id));
  const strange = state.steps.filter(({ id }) => folders.includes(id) && !begun(id));
  return [...early, ...strange.map(({ id }) => `a folder of ${id} was there before its first attempt`)];
}

/** What said that it was through and was stopped then ended well; the exit code is that of our signal. */
function heard(facts: AttemptFacts, { why }: Extract<Effect, { type: 'end' }>): AttemptFacts {
  const { exit } = facts;
  return why === 'result' && exit !== null ? { ...facts, exit: { ...exit, code: 0 } } : facts;
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

/** What a judge wants changed is what the next attempt has to be told, and not what the judge said while it looked. */
function issuesText(claim: Claim | null): string | null {
  if (!claim || claim.issues.length === 0) return null;
  return claim.issues
    .map(issue => `- ${issue}`)
    .join('\n')
    .slice(0, TAIL_BYTES);
}

export async function tail(folder: string, lines: number, bytes: number): Promise<string | null> {
  const { text, problem } = await lastLines(folder, lines, bytes);
  return problem === null ? text.toString('utf8') : unreadable(problem);
}

/** What `read` gives of an output, or a sentence where the output has been out of reach for too long. */
async function orUnreadable(
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
export async function hashOf(folder: string, max: number, patient?: Patient): Promise<string | null> {
  const place = placeIn(folder, 'output');
  const output = (patient?.untroubled ?? untroubled)(place, streamForeign(place, { max }));
  if (!output.ok) return null;
  const hash = createHash('sha256');
  try {
    await pipeline(output.value.stream, hash);
  } catch (error) {
    if (!patient) throw error;
    patient.problemOf(error);
    return null;
  }
  return hash.digest('hex');
}
