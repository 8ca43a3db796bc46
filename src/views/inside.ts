/**
 * Places of views in their project, and what is said of those that cannot be written. The project may hold anything, also
 * links that an agent made or a clone brought: no view is written through a link, be it the file or a folder on the way.
 */
import { join, relative, resolve } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import type { Foreign, ForeignFailure, Place } from '../host/foreign-file.ts';

/** `file` is relative to the project, or absolute. Throws `config` when it leads out of the project. */
export function placeInside(project: string, file: string): Place {
  const path = relative(project, resolve(project, file));
  if (path === '' || path === '..' || path.startsWith('../'))
    throw notWritten(project, file, 'its path leads out of the project');
  return { root: project, path };
}

/** A file in a folder. */
export const below = ({ root, path }: Place, name: string): Place => ({ root, path: join(path, name) });

/** The value; throws what went wrong with the view. */
export function needed<T>(place: Place, outcome: Foreign<T>): T {
  if (outcome.ok) return outcome.value;
  throw troubleWith(place, outcome);
}

/** As above; null where nothing is there. */
export function neededOrNull<T>(place: Place, outcome: Foreign<T>): T | null {
  return !outcome.ok && outcome.fault === 'missing' ? null : needed(place, outcome);
}

function troubleWith({ root, path }: Place, { fault, problem, errno }: ForeignFailure): Error {
  // Of the system, and its words: a full disk, a folder that is not writable, a disk that does not answer.
  if (fault === 'unreadable' || fault === 'missing')
    return Object.assign(new Error(`${join(root, path)} ${problem}`), { code: errno });
  return notWritten(root, path, `it ${problem}`);
}

function notWritten(project: string, file: string, why: string): RasenError {
  return new RasenError('config', `the view ${file} of ${project} is not written: ${why}`, {
    hint: 'Remove what is in its way, or choose another path under `background` or `memory` in rasen.yml.',
    data: { project, file },
  });
}
