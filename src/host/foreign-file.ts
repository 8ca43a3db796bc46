/**
 * Files that somebody else can write: below an attempt, a worktree, a project or a repository. Nothing here follows a
 * link, blocks on a FIFO or device, or reads more than it was told to. What is wrong with such a file is an outcome, not
 * an exception: it concerns the one attempt or view that asked.
 */

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { isAbsolute, join, sep } from 'node:path';
import { errnoOf, messageOf } from '../errors.ts';

export type ForeignFault =
  /** No such file. */
  | 'missing'
  /** A FIFO, device, socket, folder or link. */
  | 'not_a_file'
  /** A folder on the way to it is a link, or is no folder. */
  | 'outside'
  /** More bytes than allowed, or it grew while it was read. */
  | 'too_large'
  /** The system refused: mode, I/O error, no descriptors left. */
  | 'unreadable';

export type Foreign<T> =
  | { ok: true; value: T }
  | {
      ok: false;
      fault: ForeignFault;
      /** For people: `is a FIFO`, `is a symbolic link`; the name of the file goes before it. */
      problem: string;
      /** Of the system, where it said one. */
      errno: string | null;
    };

export interface Place {
  /** Absolute; not itself under anybody else's control. */
  root: string;
  /** Below it. `..` and absolute paths are refused as `outside`. */
  path: string;
}

const linux = process.platform === 'linux';
/** Not in Node's constants. Linux: only a handle, nothing is opened. macOS: no link anywhere in the path. */
const O_PATH = 0o10000000;
const O_NOFOLLOW_ANY = 0x20000000;
const O_CLOEXEC = linux ? 0o2000000 : 0x1000000;
const SAFE = constants.O_NOFOLLOW | constants.O_NONBLOCK | O_CLOEXEC | (linux ? 0 : O_NOFOLLOW_ANY);

/**
 * Opens what is at the place with `flags` (O_RDONLY, O_WRONLY | O_APPEND, …) if it is a regular file. The caller closes
 * the descriptor. Where the flags may write, the file must have no second name: a hard link leads out just as a link does.
 */
export function openForeign(place: Place, flags: number, mode = 0o600): Foreign<{ fd: number; stat: Stats }> {
  return inFolder(place, at => {
    const fd = openSync(at, flags | SAFE, mode);
    try {
      const stat = fstatSync(fd);
      const problem = stat.isFile() ? null : kindOf(stat);
      if (problem !== null) return keep(fd, no('not_a_file', problem));
      const writes = (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
      if (writes && stat.nlink > 1) return keep(fd, no('not_a_file', 'has a second name (a hard link)'));
      return { ok: true, value: { fd, stat } };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  });
}

/** The bytes of a regular file of at most `max` bytes. */
export function readForeign(place: Place, max: number): Foreign<{ bytes: Buffer; stat: Stats }> {
  const opened = openForeign(place, constants.O_RDONLY);
  if (!opened.ok) return opened;
  const { fd, stat } = opened.value;
  try {
    if (stat.size > max) return no('too_large', `is larger than ${max} bytes`);
    // One byte more than was announced: a file that grows meanwhile is seen, and a file that says 0 (of /proc) is not.
    const bytes = Buffer.allocUnsafe(stat.size + 1);
    let length = 0;
    while (length < bytes.length) {
      const n = readSync(fd, bytes, length, bytes.length - length, length);
      if (n === 0) break;
      length += n;
    }
    if (length > max) return no('too_large', `is larger than ${max} bytes`);
    return { ok: true, value: { bytes: bytes.subarray(0, Math.min(length, stat.size)), stat } };
  } catch (error) {
    return failure(error);
  } finally {
    closeSync(fd);
  }
}

/** Replaces the file by one with this content, by a rename: whatever was under its name is never written to. */
export function replaceForeign(
  place: Place,
  data: string | Buffer,
  options: { mode?: number; sync?: boolean } = {},
): Foreign<null> {
  return inFolder(place, at => {
    const draft = `${at}.${randomBytes(6).toString('hex')}`;
    const fd = openSync(
      draft,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | SAFE,
      options.mode ?? 0o600,
    );
    try {
      const bytes = Buffer.from(data);
      let put = 0;
      while (put < bytes.length) put += writeSync(fd, bytes, put, bytes.length - put, put);
      if (options.sync) fsyncSync(fd);
      renameSync(draft, at);
    } catch (error) {
      unlinkSync(draft);
      throw error;
    } finally {
      closeSync(fd);
    }
    return { ok: true, value: null };
  });
}

/** What is there, itself and not what it points to. */
export function statForeign(place: Place): Foreign<Stats> {
  return inFolder(place, at => {
    const fd = openSync(at, constants.O_NOFOLLOW | O_CLOEXEC | (linux ? O_PATH : constants.O_NONBLOCK));
    try {
      return { ok: true, value: fstatSync(fd) };
    } finally {
      closeSync(fd);
    }
  });
}

/**
 * Runs `use` with a path whose folder cannot be exchanged for a link: on Linux by way of a descriptor that was reached
 * from the root without following any.
 */
function inFolder<T>({ root, path }: Place, use: (at: string) => Foreign<T>): Foreign<T> {
  const names = path.split(sep).filter(name => name !== '' && name !== '.');
  const last = names.pop();
  if (isAbsolute(path) || last === undefined || last === '..' || names.includes('..'))
    return no('outside', 'is not below its folder');
  if (!linux) {
    try {
      return use(join(root, ...names, last));
    } catch (error) {
      return failure(error);
    }
  }
  let folder = -1;
  try {
    folder = openSync(root, constants.O_DIRECTORY | O_PATH | O_CLOEXEC);
    for (const name of names) {
      let next: number;
      try {
        next = openSync(
          `/proc/self/fd/${folder}/${name}`,
          constants.O_DIRECTORY | constants.O_NOFOLLOW | O_PATH | O_CLOEXEC,
        );
      } catch (error) {
        if (['ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? ''))
          return no('outside', `is behind ${name}, which is a link or no folder`);
        throw error;
      }
      closeSync(folder);
      folder = next;
    }
    return use(`/proc/self/fd/${folder}/${last}`);
  } catch (error) {
    return failure(error);
  } finally {
    if (folder !== -1) closeSync(folder);
  }
}

function keep<T>(fd: number, outcome: T): T {
  closeSync(fd);
  return outcome;
}

function no(fault: ForeignFault, problem: string, errno: string | null = null) {
  return { ok: false, fault, problem, errno } as const;
}

function failure(error: unknown): Foreign<never> {
  const errno = errnoOf(error) ?? null;
  if (errno === null) throw error;
  if (errno === 'ENOENT') return no('missing', 'is not there', errno);
  if (errno === 'ELOOP' || errno === 'EMLINK') return no('not_a_file', 'is a symbolic link', errno);
  // A socket cannot be opened, nor a FIFO for writing that nobody reads, nor a device without a driver.
  if (errno === 'ENXIO' || errno === 'ENODEV') return no('not_a_file', 'is a socket, FIFO or device', errno);
  if (errno === 'EISDIR') return no('not_a_file', 'is a folder', errno);
  if (errno === 'ENOTDIR') return no('outside', 'is behind something that is no folder', errno);
  return no('unreadable', messageOf(error), errno);
}

function kindOf(stat: Stats): string {
  if (stat.isFIFO()) return 'is a FIFO';
  if (stat.isSocket()) return 'is a socket';
  if (stat.isDirectory()) return 'is a folder';
  if (stat.isSymbolicLink()) return 'is a symbolic link';
  return 'is a device';
}
