/** end: bring a job to its end. Resolves only when no process of it is left; then reads what it leaves behind. */
import { join } from 'node:path';
import { messageOf } from '../../contract/errors.ts';
import type { Claim } from '../../contract/event.ts';
import type { Effect, EndFacts, Result } from '../../engine/effect.ts';
import { gatesOf } from '../../engine/gates-of.ts';
import { isService } from '../../engine/service.ts';
import { type OpenJob, openJob, type TaskState } from '../../engine/state.ts';
import { listForeign, untroubled } from '../../host/foreign-file.ts';
import { type AttemptFacts, attemptMarker } from '../../runner/attempt-dir.ts';
import { droppedBytes } from '../../runner/output-cap.ts';
import { isThere, placeIn } from '../../runner/small-file.ts';
import { changedBaseTests } from './base-tests.ts';
import { agentRole, type EffectContext } from './context.ts';
import { emptyJob, hashOf, orUnreadable, tail, witnessed } from './job.ts';
import { putWorkRight } from './judged-work.ts';
import { readableTail } from './readable-tail.ts';
import { NOTHING_SAID, whatWasSaid } from './said.ts';
import { saidNotes } from './tell.ts';
import { clearTemporaryFolder } from './temporary-folder.ts';

const TAIL_LINES = 200;
const TAIL_BYTES = 16 * 1024;
/** More than any plan has steps. */
const STEPS_MAX = 5000;
const MAX_TAIL = { lines: TAIL_LINES, bytes: TAIL_BYTES };
/** What stands in the reason why it is not up. */
const SERVICE_TAIL = { lines: 8, bytes: 1500 };

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
  const at = { folder, mark: job, marker };
  const ended_by_itself = await emptyJob(context, at, effect.kill === null ? null : { signal: force });

  const gate = effect.gate !== null;
  const role = agentRole(state, step, effect.gate);
  const mask = await context.masks.of(state);
  // Of an agent's session nothing hangs on the exit code.
  const { facts, exit, forged } = await witnessed(context, at, role === null);
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
      const end = isService(step) ? SERVICE_TAIL : MAX_TAIL;
      const words = () =>
        role === null ? tail(folder, end) : readableTail(state, { role, folder }, { ...MAX_TAIL, mask });
      if (isService(step)) return { ...said, log_sha256: null, log_tail: await orUnreadable(patient, words) };
      if (!gate) return { ...said, log_sha256: null, log_tail: null };
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
    exit,
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

/** What a judge wants changed is what the next attempt has to be told, and not what the judge said while it looked. */
function issuesText(claim: Claim | null): string | null {
  if (!claim || claim.issues.length === 0) return null;
  return claim.issues
    .map(issue => `- ${issue}`)
    .join('\n')
    .slice(0, TAIL_BYTES);
}
