/**
 * Trouble of the machine: a full disk, a device that fails, no descriptors or processes left, a lock that somebody holds,
 * a manager that is away. It says nothing of a task, and passes: whatever met it waits and goes on. Here alone it is told
 * from what stays wrong until somebody sees to it.
 */
import { errnoOf, isRasenError, RasenError } from '../contract/errors.ts';

export type TroubleKind =
  /** No room, no inodes, no quota, read-only, or a device that fails. */
  | 'disk'
  /** Somebody else holds it. */
  | 'lock'
  /** Descriptors, memory, processes, permissions; a program that was killed or did not answer. */
  | 'machine'
  /** The user's service manager, which starts attempts, does not answer. */
  | 'service_manager';

export interface Trouble {
  why: TroubleKind;
  /** Name of the system's error, where there is one. */
  errno: string | null;
  /** What it was met at: a file, or the folder that a program ran in. */
  path: string | null;
  /** A sentence for people, without what was being done. */
  message: string;
}

interface Row {
  why: TroubleKind;
  /** For people. */
  about: string;
  /** What programs that run with LC_ALL=C print for it. */
  text: string;
}

const TROUBLES: Readonly<Record<string, Row>> = {
  ENOSPC: { why: 'disk', about: 'no space or no inodes are left', text: 'No space left on device' },
  EDQUOT: { why: 'disk', about: 'the disk quota is used up', text: 'Disk quota exceeded' },
  EROFS: { why: 'disk', about: 'the file system is read-only', text: 'Read-only file system' },
  EIO: { why: 'disk', about: 'the disk reports an input/output error', text: 'Input/output error' },
  ESTALE: { why: 'disk', about: 'the network file system lost the file', text: 'Stale file handle' },
  ENOTCONN: {
    why: 'disk',
    about: 'the file system is not connected',
    text: 'Transport endpoint is not connected',
  },
  ENODEV: { why: 'disk', about: 'the device is gone', text: 'No such device' },
  EMFILE: { why: 'machine', about: 'too many files are open', text: 'Too many open files' },
  ENFILE: {
    why: 'machine',
    about: 'too many files are open on this machine',
    text: 'Too many open files in system',
  },
  ENOMEM: { why: 'machine', about: 'not enough memory is left', text: 'Cannot allocate memory' },
  EAGAIN: {
    why: 'machine',
    about: 'the limit of processes is reached',
    text: 'Resource temporarily unavailable',
  },
  ETXTBSY: { why: 'machine', about: 'the program is being written', text: 'Text file busy' },
  EBUSY: { why: 'machine', about: 'it is in use', text: 'Device or resource busy' },
  EINTR: { why: 'machine', about: 'a call was interrupted', text: 'Interrupted system call' },
  ETIMEDOUT: { why: 'machine', about: 'the file system does not answer', text: 'Connection timed out' },
  EACCES: { why: 'machine', about: 'permission is denied', text: 'Permission denied' },
  EPERM: { why: 'machine', about: 'it is not permitted', text: 'Operation not permitted' },
};

/** What the words of a program say, beyond the texts of the table. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/out of memory|mmap failed|malloc failed/i, 'ENOMEM'],
  [/cannot fork|unable to create thread/i, 'EAGAIN'],
];
/** git could not write, and does not say why: that is the disk, since what could be in its way is seen to before. */
const UNWRITTEN = [
  /unable to create directory for ([^\n]+)/,
  /(?:unable to|could not) write (?:the )?new[_ ]index/i,
  /couldn't (?:write|set|close) '([^'\n]+)'/,
];
/** git's own lock files. Another value of a ref, or one that is there, is no lock. */
const LOCK = /Another git process seems to be running/i;
const LOCKED = [
  /Unable to create '([^'\n]+)': File exists/i,
  // Beside its lock, the packed refs have a file for the new text.
  /unable to create file '?([^'\n]+packed-refs\.new)'?: File exists/i,
];
const LOCKED_CONFIG = /could not lock config file ([^\n]+): File exists/i;

/** Errors of rasen that may stem from the machine; all others say what is wrong with what was asked. */
const MAY_BE: ReadonlySet<string> = new Set([
  ...['git', 'storage', 'spawn', 'service', 'overloaded', 'timeout', 'internal'],
]);
/** Causes of causes that are looked into. */
const DEPTH_MAX = 8;

/** The trouble that an error tells of, or null: it is about something else, and will not pass by itself. */
export function troubleOf(error: unknown): Trouble | null {
  if (isRasenError(error)) {
    if (error.kind === 'manager_away')
      return { why: 'service_manager', errno: null, path: null, message: error.message };
    if (!MAY_BE.has(error.kind)) return null;
    const { trouble } = error.data ?? {};
    if (isTrouble(trouble)) return trouble;
    if (error.kind === 'overloaded') return { why: 'lock', errno: null, path: null, message: error.message };
  }
  for (let at = error, depth = 0; at instanceof Error && depth < DEPTH_MAX; at = at.cause, depth++) {
    if (at !== error && isRasenError(at)) return troubleOf(at);
    const errno = errnoOf(at);
    const row = errno === undefined ? undefined : TROUBLES[errno];
    if (errno === undefined || row === undefined) continue;
    const path = pathOf(at);
    return { why: row.why, errno, path, message: sentence(row, errno, path) };
  }
  return null;
}

/**
 * The error of an answer that the machine kept from being found: `storage` for a disk, else `overloaded`. null: the error
 * is of rasen already, or tells of something else. `what`: what could not be done, as the beginning of a sentence.
 */
export function asTrouble(error: unknown, what: string): RasenError | null {
  if (isRasenError(error)) return null;
  const trouble = troubleOf(error);
  if (trouble === null || !isPassing(trouble.errno)) return null;
  return new RasenError(trouble.why === 'disk' ? 'storage' : 'overloaded', `${what}: ${trouble.message}.`, {
    hint: 'Nothing was acknowledged. Ask again when the machine is well.',
    data: { trouble },
    cause: error,
  });
}

/** The file that stands for somebody's lock, in the words of a git that could not make it; null: it says no such thing. */
export function lockedPath(text: string): string | null {
  const config = LOCKED_CONFIG.exec(text)?.[1];
  if (config !== undefined) return `${config}.lock`;
  for (const pattern of LOCKED) {
    const path = pattern.exec(text)?.[1];
    if (path !== undefined) return path;
  }
  return null;
}

/** The trouble that a program tells of in English on its standard error, or null. `place`: where it ran. */
export function troubleInText(text: string, place: string): Trouble | null {
  const locked = lockedPath(text);
  if (locked !== null || LOCK.test(text)) {
    const path = locked ?? place;
    return { why: 'lock', errno: null, path, message: `somebody else holds the lock ${path}` };
  }
  const found =
    Object.entries(TROUBLES)
      // The longer text first: one is the beginning of another.
      .sort(([, a], [, b]) => b.text.length - a.text.length)
      .find(([, row]) => text.includes(row.text))?.[0] ?? WORDS.find(([pattern]) => pattern.test(text))?.[1];
  if (found === undefined) return unwritten(text, place);
  const row = TROUBLES[found]!;
  return { why: row.why, errno: found, path: place, message: sentence(row, found, place) };
}

function unwritten(text: string, place: string): Trouble | null {
  for (const pattern of UNWRITTEN) {
    const found = pattern.exec(text);
    if (!found) continue;
    const path = found[1] ?? place;
    const message = `${path} could not be written; git does not say why: look whether its disk is full`;
    return { why: 'disk', errno: null, path, message };
  }
  return null;
}

/**
 * Throws the error again where it says nothing of the file or process that was looked at: who takes what cannot be seen now
 * for what is not there ends what lives. A refusal does say something, and is left to the caller.
 */
export function throwTrouble(error: unknown): void {
  if (isPassing(errnoOf(error) ?? null)) throw error;
}

/** For `catch`: what is not there, or is refused, is this value; trouble of the machine is thrown again. */
export const unlessTrouble =
  <T>(absent: T) =>
  (error: unknown): T => {
    throwTrouble(error);
    return absent;
  };

/** Whether the errno tells of the machine, and not of the file that it was met at. */
export const isPassing = (errno: string | null): boolean =>
  errno !== null && !REFUSALS.has(errno) && errno in TROUBLES;

const REFUSALS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'ENODEV']);

/** Trouble without an errno: a program that was killed, or that did not answer. */
export const troubleWith = (why: TroubleKind, path: string | null, message: string): Trouble => ({
  ...{ why, errno: null, path, message },
});

const sentence = ({ about }: Row, errno: string, path: string | null) =>
  path === null ? `${about} (${errno})` : `${about} for ${path} (${errno})`;

function pathOf(error: Error): string | null {
  const { path } = error as { path?: unknown };
  return typeof path === 'string' ? path : null;
}

function isTrouble(value: unknown): value is Trouble {
  return typeof value === 'object' && value !== null && 'why' in value && 'message' in value;
}
