/**
 * Files of an attempt's folder, which its processes can write, too: small ones that may be missing, torn or something
 * else than a file. Synchronous, since they are polled, and on the disk of the state.
 * Trouble of the machine is thrown: it does not make a file missing.
 */
import type { Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import {
  type ForeignFailure,
  foreignError,
  type Place,
  readForeign,
  statForeign,
  untroubled,
} from '../host/foreign-file.ts';
import { RECORD_BYTES_MAX } from './limits.ts';

const ATTEMPTS = '/attempts/';

/**
 * The place of a file in an attempt's folder. The folder of its task is ours; from there on a link leads nowhere.
 * Elsewhere (in tests) the folder itself is what is trusted.
 */
export function placeIn(dir: string, name: string): Place {
  const at = dir.lastIndexOf(ATTEMPTS);
  return at < 0 ? { root: dir, path: name } : { root: dir.slice(0, at), path: join(dir.slice(at + 1), name) };
}

const placeOf = (path: string) => placeIn(dirname(path), path.slice(path.lastIndexOf('/') + 1));

/** What is there, itself and not what it points to; null where nothing can be seen. */
export function statOf(path: string): Stats | null {
  const place = placeOf(path);
  const found = untroubled(place, statForeign(place));
  return found.ok ? found.value : null;
}

/** Whether anything has that name. */
export const isThere = (path: string): boolean => statOf(path) !== null;

/** Text and time of last change in ms; null when there is no such regular file, or it is larger than `max` bytes. */
export function readSmall(
  path: string,
  max: number = RECORD_BYTES_MAX,
): { text: string; mtime_ms: number } | null {
  const place = placeOf(path);
  const read = untroubled(place, readForeign(place, max));
  if (!read.ok) return null;
  const { bytes, stat } = read.value;
  return { text: bytes.toString('utf8'), mtime_ms: stat.mtimeMs };
}

/** Bytes of an attempt's output; 0 where it is no file. */
export function outputSize(dir: string): number {
  const found = statOf(join(dir, 'output'));
  return found?.isFile() ? found.size : 0;
}

/** A file in an attempt's folder that could not be written: `storage`, with what the system said as its cause. */
export function storage(what: string, place: Place, failure: ForeignFailure): RasenError {
  const cause = foreignError(place, failure);
  return new RasenError('storage', `It was not possible ${what}: ${cause.message}.`, { cause });
}
