/**
 * tell: leave a note for a session that runs, and wait a while for it to be said. The session program takes `<name>.md`
 * out of the notes folder of the attempt when it has said it. What was given is marked beside it, so that a note that is
 * gone is known to be said; without the mark it is given again: twice is better than never. A session that turned out
 * to be one that cannot be spoken with has said so there, and is given nothing more.
 */
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEAF } from '../../session/order.ts';
import type { Effect, Result } from '../../task/effect.ts';
import type { TaskState } from '../../task/state.ts';
import { notesFolder } from '../places.ts';
import type { EffectContext } from './context.ts';

const POLL_MS = 100;
/** Then it is asked again whether it still is wanted. */
const WAIT_MS_MAX = 30_000;
const GIVEN = '.given';

const nameOf = (note: number) => String(note).padStart(6, '0');

export async function tell(
  context: EffectContext,
  state: TaskState,
  effect: Extract<Effect, { type: 'tell' }>,
): Promise<Result> {
  const job = context.places.job(state.id, effect.job);
  const folder = notesFolder(job);
  const file = join(folder, `${nameOf(effect.note)}.md`);
  const given = join(folder, `${nameOf(effect.note)}${GIVEN}`);
  const known = state.notes.find(({ note }) => note === effect.note);
  if (!known) return { type: 'tell', said: false };
  const deaf = isDeaf(job);
  if (!deaf && !existsSync(given) && !existsSync(file)) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(`${file}.part`, known.text, { mode: 0o600 });
    await rename(`${file}.part`, file);
  }
  if (!deaf && !existsSync(given)) await writeFile(given, '', { mode: 0o600 });
  const until = performance.now() + WAIT_MS_MAX;
  while ((deaf || existsSync(file)) && !existsSync(join(job, 'exit')) && performance.now() < until)
    await sleep(POLL_MS, undefined, { ref: false });
  return { type: 'tell', said: existsSync(given) && !existsSync(file) };
}

/** Whether the session of a job cannot be spoken with, although it was to be. */
export function isDeaf(job: string): boolean {
  return existsSync(join(notesFolder(job), DEAF));
}

/** Notes that were given to a job and were said. */
export function saidNotes(job: string): number[] {
  let names: string[];
  try {
    names = readdirSync(notesFolder(job));
  } catch {
    return [];
  }
  return names
    .filter(name => name.endsWith(GIVEN) && !names.includes(`${name.slice(0, -GIVEN.length)}.md`))
    .map(name => Number(name.slice(0, -GIVEN.length)))
    .filter(Number.isSafeInteger);
}
