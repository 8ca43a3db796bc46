/**
 * tell: leave a note for a session that runs, and wait a while for it to be said. The session program takes `<name>.md`
 * out of the notes folder of the attempt when it has said it. What was given is marked beside it, so that a note that is
 * gone is known to be said; without the mark it is given again: twice is better than never. A session that turned out
 * to be one that cannot be spoken with has said so there, and is given nothing more.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Effect, Result } from '../../engine/effect.ts';
import type { TaskState } from '../../engine/state.ts';
import { replaceForeign } from '../../host/foreign-file.ts';
import { isThere, placeIn, storage } from '../../runner/small-file.ts';
import { DEAF } from '../../session/order.ts';
import { notesFolder } from '../places.ts';
import type { EffectContext } from './context.ts';

const POLL_MS = 100;
/** Then it is asked again whether it still is wanted. */
const WAIT_MS_MAX = 30_000;
const GIVEN = '.given';

const nameOf = (note: number) => String(note).padStart(6, '0');
const fileOf = (note: number) => `${nameOf(note)}.md`;
const givenOf = (note: number) => `${nameOf(note)}${GIVEN}`;

export async function tell(
  context: EffectContext,
  state: TaskState,
  effect: Extract<Effect, { type: 'tell' }>,
): Promise<Result> {
  const job = context.places.job(state.id, effect.job);
  const folder = notesFolder(job);
  const file = fileOf(effect.note);
  const given = givenOf(effect.note);
  const has = (name: string) => isThere(join(folder, name));
  const known = state.notes.find(({ note }) => note === effect.note);
  if (!known) return { type: 'tell', said: false };
  let deaf = isDeaf(job);
  if (!deaf && !has(given)) deaf = !((has(file) || write(job, file, known.text)) && write(job, given, ''));
  const until = performance.now() + WAIT_MS_MAX;
  while ((deaf || has(file)) && !isThere(join(job, 'exit')) && performance.now() < until)
    await sleep(POLL_MS, undefined, { ref: false });
  return { type: 'tell', said: has(given) && !has(file) };
}

/**
 * Whole or not at all; the session program looks for it at any time. false: somebody put something in its way, so that
 * nothing can be said to this session; a disk that refuses is waited for. Throws `storage`.
 */
function write(job: string, name: string, text: string): boolean {
  const place = placeIn(notesFolder(job), name);
  const written = replaceForeign(place, text, { folders: 'make' });
  if (!written.ok && written.fault === 'unreadable') throw storage('to leave a note', place, written);
  return written.ok;
}

/** Whether the session of a job cannot be spoken with, although it was to be. */
export function isDeaf(job: string): boolean {
  return isThere(join(notesFolder(job), DEAF));
}

/** Notes of the task that were given to a job and were said. */
export function saidNotes(state: TaskState, job: string): number[] {
  const has = (name: string) => isThere(join(notesFolder(job), name));
  return state.notes.map(({ note }) => note).filter(note => has(givenOf(note)) && !has(fileOf(note)));
}
