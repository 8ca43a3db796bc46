/**
 * What is done about a task that cannot be used. Unreadable bytes are moved aside; what is readable, or may be in a
 * moment, is left where it is. Either way it is named, also after the next start, and the other tasks go on.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, isRasenError, messageOf, RasenError } from '../../contract/errors.ts';
import type { About, Damage } from '../store.ts';
import { readWhole } from './file.ts';
import { SNAPSHOT_FILE, SPEC_FILE } from './layout.ts';
import { readPackHeader } from './pack.ts';

export const UNKNOWN: About = { name: null, project: null, key: null };

/** The system was short of something; the file may be as good as ever. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR', 'EBUSY', 'ETIMEDOUT', 'EIO']);
/** Largest spec that is looked into for its name. */
const SPEC_BYTES_MAX = 16 * 1024 * 1024;

export function isPassing(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return PASSING.has(errnoOf(error) ?? '') || PASSING.has(errnoOf(cause) ?? '');
}

export const MOVED_HINT = (moved_to: string): string =>
  `Nothing was overwritten: it is in ${moved_to}. To remove it, and free its key: rasen gc --damaged`;

/** The same where nobody may move anything: it is only looked at. */
export function left(task: string, error: unknown, about: About): Damage {
  const newer = isRasenError(error) && error.kind === 'version';
  return {
    task,
    kind: newer ? 'newer' : 'damaged',
    message: messageOf(error),
    moved_to: null,
    hint: newer
      ? (error.hint ?? '')
      : 'Nothing was touched. The next supervisor moves aside what it cannot use.',
    about,
  };
}

/** Names what is wrong with a task; `move` takes its folder aside and gives the new path. */
export function assess(task: string, error: unknown, move: () => string, about: About = UNKNOWN): Damage {
  const message = messageOf(error);
  const kept = (hint: string): Damage => ({ task, kind: 'damaged', message, moved_to: null, hint, about });
  if (isRasenError(error) && error.kind === 'version') return { ...kept(error.hint ?? ''), kind: 'newer' };
  if (isPassing(error))
    return kept('Nothing was touched. Restart the supervisor when the system has room again.');
  if (!isRasenError(error) && errnoOf(error) === undefined) {
    return kept(
      'Every checksum is right, so nothing was touched. Another version of rasen may understand it.',
    );
  }
  try {
    const moved_to = move();
    return { ...kept(MOVED_HINT(moved_to)), moved_to };
  } catch (problem) {
    return kept(`It could not be moved aside (${messageOf(problem)}) and was left as it is.`);
  }
}

/** The error in words for people, where the system's own name a call. */
export function inWords(error: unknown): unknown {
  const { path } = error as { path?: unknown };
  return errnoOf(error) === 'ENOENT' && typeof path === 'string'
    ? new RasenError('damaged', `${path} is missing`, { cause: error })
    : error;
}

/** What the files of a task that cannot be used still say of it: its folder, or the file it was packed into. */
export function salvage(path: string): About {
  for (const read of [specIn, snapshotIn, packIn]) {
    try {
      const about = read(path);
      if (about) return about;
    } catch {
      // The next may say more.
    }
  }
  return UNKNOWN;
}

function specIn(folder: string): About | null {
  if (!lstatSync(folder).isDirectory()) return null;
  return aboutOf(JSON.parse(readWhole(join(folder, SPEC_FILE), SPEC_BYTES_MAX).toString('utf8')));
}

function snapshotIn(folder: string): About | null {
  if (!lstatSync(folder).isDirectory()) return null;
  return aboutOf(JSON.parse(readWhole(join(folder, SNAPSHOT_FILE)).toString('utf8')).state.spec);
}

function packIn(path: string): About | null {
  return lstatSync(path).isFile() ? readPackHeader(path).about : null;
}

export function aboutOf(spec: Record<string, unknown>): About | null {
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null);
  const about = { name: text(spec.name), project: text(spec.project), key: text(spec.key) };
  return about.name === null && about.key === null ? null : about;
}
