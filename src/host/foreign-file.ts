/**
 * Files that somebody else can write: below an attempt, a worktree, a project or a repository. Nothing here follows a
 * link, blocks on a FIFO or device, or reads more than it was told to. What is wrong with such a file is an outcome, not
 * an exception: it concerns the one attempt or view that asked.
 */

import {
  chmodSync,
  closeSync,
  constants,
  createReadStream,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  type ReadStream,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, isAbsolute, join, sep } from 'node:path';
import { errnoOf, messageOf } from '../contract/errors.ts';
import { isPassing } from './trouble.ts';

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
      /** For people: `is a FIFO, not a file`, `is not there`; the name of the file goes before it. */
      problem: string;
      /** Of the system, where it said one. */
      errno: string | null;
    };

export type ForeignFailure = Extract<Foreign<unknown>, { ok: false }>;

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
const HANDLE = O_PATH | constants.O_NOFOLLOW | O_CLOEXEC;
const SAFE = constants.O_NOFOLLOW | constants.O_NONBLOCK | O_CLOEXEC | (linux ? 0 : O_NOFOLLOW_ANY);
/** Somebody may make and remove the same name all the time. */
const CREATE_TRIES = 3;

/**
 * Opens what is at the place with `flags` (O_RDONLY, O_WRONLY | O_APPEND, …) if it is a regular file; with O_CREAT, an
 * empty one is made where nothing is. The caller closes the descriptor. Where the flags may write, the file must have no
 * second name: a hard link leads out just as a link does.
 */
export function openForeign(
  place: Place,
  flags: number,
  options: { mode?: number; folders?: 'make' } = {},
): Foreign<{ fd: number; stat: Stats }> {
  return inFolder(place, at => openAt(at, flags, options.mode ?? 0o600), options.folders);
}

/** The bytes of a regular file of at most `max` bytes. */
export function readForeign(place: Place, max: number): Foreign<{ bytes: Buffer; stat: Stats }> {
  return withOpen(openForeign(place, constants.O_RDONLY), ({ fd, stat }) => {
    if (stat.size > max) return no('too_large', `is larger than ${max} bytes`);
    // One byte more than was announced: a file that grows meanwhile is seen, and a file that says 0 (of /proc) is not.
    const bytes = readAt(fd, 0, stat.size + 1);
    if (bytes.length > max) return no('too_large', `is larger than ${max} bytes`);
    return { ok: true, value: { bytes: bytes.subarray(0, stat.size), stat } };
  });
}

/** At most `max` bytes from an offset on, and the size of the file. */
export function readForeignFrom(
  place: Place,
  from: number,
  max: number,
): Foreign<{ bytes: Buffer; size: number }> {
  return withOpen(openForeign(place, constants.O_RDONLY), ({ fd, stat }) => {
    const bytes = readAt(fd, from, Math.max(0, Math.min(max, stat.size - from)));
    return { ok: true, value: { bytes, size: stat.size } };
  });
}

/**
 * A regular file as a stream, from an offset to the size that it has now; at most its last `max` bytes. For what is on
 * the disk of the state: it is read by threads that all tasks share.
 */
export function streamForeign(
  place: Place,
  { from = 0, max = Number.MAX_SAFE_INTEGER }: { from?: number; max?: number } = {},
): Foreign<{ stream: ReadStream; size: number }> {
  const opened = openForeign(place, constants.O_RDONLY);
  if (!opened.ok) return opened;
  const { fd, stat } = opened.value;
  const start = Math.max(from, stat.size - max, 0);
  // An `end` before the start is an error; a file that has nothing there ends by itself.
  const stream = createReadStream('', { fd, start, end: Math.max(start, stat.size - 1) });
  return { ok: true, value: { stream, size: stat.size } };
}

/**
 * Replaces the file by one with this content, by a rename: whatever was under its name is never written to. Gives what
 * is there now.
 *
 * @param options.keep_mode a regular file that was there hands its permissions on.
 */
export function replaceForeign(
  place: Place,
  data: string | Buffer,
  options: { mode?: number; sync?: boolean; folders?: 'make'; keep_mode?: boolean } = {},
): Foreign<Stats> {
  return inFolder(
    place,
    at => {
      const before = options.keep_mode ? lstatSync(at, { throwIfNoEntry: false }) : undefined;
      const draft = `${at}.${crypto.randomUUID()}`;
      const fd = openSync(
        draft,
        constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | SAFE,
        options.mode ?? 0o600,
      );
      try {
        writeAll(fd, Buffer.from(data));
        if (before?.isFile()) fchmodSync(fd, before.mode & 0o777);
        if (options.sync) fsyncSync(fd);
        renameSync(draft, at);
        return { ok: true, value: fstatSync(fd) };
      } catch (error) {
        unlinkSync(draft);
        throw error;
      } finally {
        closeSync(fd);
      }
    },
    options.folders,
  );
}

/** Adds to the end of a regular file without a second name; made where nothing is. Gives what it is then. */
export function appendForeign(
  place: Place,
  data: string | Buffer,
  options: { mode?: number; folders?: 'make' } = {},
): Foreign<Stats> {
  const { O_WRONLY, O_APPEND, O_CREAT } = constants;
  return withOpen(openForeign(place, O_WRONLY | O_APPEND | O_CREAT, options), ({ fd }) => {
    writeAll(fd, Buffer.from(data));
    return { ok: true, value: fstatSync(fd) };
  });
}

/** Removes a file, link or anything else that is no folder; nothing there is fine. */
export function removeForeign(place: Place): Foreign<null> {
  const removed = inFolder<null>(place, at => {
    unlinkSync(at);
    return { ok: true, value: null };
  });
  return !removed.ok && removed.fault === 'missing' ? { ok: true, value: null } : removed;
}

/** Moves what is there under another name in the same root; what has that name is replaced, unless it is a folder. */
export function renameForeign(place: Place, path: string): Foreign<null> {
  return inFolder(place, from =>
    inFolder({ root: place.root, path }, to => {
      renameSync(from, to);
      return { ok: true, value: null };
    }),
  );
}

/** Puts a link there, in place of whatever has the name and is no folder. There is no moment without one. */
export function linkForeign(place: Place, target: string, options: { folders?: 'make' } = {}): Foreign<null> {
  return inFolder(
    place,
    at => {
      const draft = `${at}.${crypto.randomUUID()}`;
      symlinkSync(target, draft);
      try {
        renameSync(draft, at);
      } catch (error) {
        unlinkSync(draft);
        throw error;
      }
      return { ok: true, value: null };
    },
    options.folders,
  );
}

/** What a link says; null: there is something else. */
export function targetForeign(place: Place): Foreign<string | null> {
  return inFolder(place, at => {
    try {
      return { ok: true, value: readlinkSync(at) };
    } catch (error) {
      if (errnoOf(error) === 'EINVAL') return { ok: true, value: null };
      throw error;
    }
  });
}

/** Names in a folder; more than `max` are `too_large`, and are not read. */
export function listForeign(place: Place, max: number): Foreign<string[]> {
  // A name in it: so the folder itself is one of those that must be no links.
  return inFolder({ root: place.root, path: join(place.path, '_') }, at => {
    const folder = opendirSync(dirname(at));
    try {
      const names: string[] = [];
      for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
        if (names.length === max) return no('too_large', `holds more than ${max} files`);
        names.push(entry.name);
      }
      return { ok: true, value: names };
    } finally {
      folder.closeSync();
    }
  });
}

/** What is there, itself and not what it points to. `.` is the root. */
export function statForeign(place: Place): Foreign<Stats> {
  return inFolder(place, at => {
    if (!linux) return { ok: true, value: lstatSync(at) };
    const fd = openSync(at, HANDLE);
    try {
      return { ok: true, value: fstatSync(fd) };
    } finally {
      closeSync(fd);
    }
  });
}

/**
 * What was found. Trouble of the machine is thrown instead: a file that cannot be seen for a moment is neither missing nor
 * wrong, and whoever took it for that would lose what is in it.
 */
export function untroubled<T>(place: Place, found: Foreign<T>): Foreign<T> {
  if (!found.ok && isPassing(found.errno)) throw foreignError(place, found);
  return found;
}

/** As an error, for who cannot go on: it has the code that the system gave. */
export function foreignError({ root, path }: Place, { problem, errno }: ForeignFailure): Error {
  const at = join(root, path);
  return Object.assign(new Error(`${at} ${problem}`), { code: errno ?? undefined, path: at });
}

/**
 * Makes sure that the folder is there, and that its owner may write it (mode 0700), whatever somebody made of that.
 */
export function keepFolder({ root, path }: Place): Foreign<null> {
  return inFolder(
    { root, path: join(path, '_') },
    at => {
      chmodSync(dirname(at), 0o700);
      return { ok: true, value: null };
    },
    'make',
  );
}

/** Of a regular file: its handle first, so that nothing that is not a file is ever opened. */
function openAt(at: string, flags: number, mode: number): Foreign<{ fd: number; stat: Stats }> {
  const { O_CREAT, O_EXCL, O_TRUNC, O_WRONLY, O_RDWR } = constants;
  const plain = flags & ~(O_CREAT | O_EXCL | O_TRUNC);
  const writes = (flags & (O_WRONLY | O_RDWR)) !== 0;
  for (let tries = 0; ; tries++) {
    try {
      const opened = openThere(at, plain, writes);
      // Only now: a file with a second name keeps what is in it.
      if (opened.ok && flags & O_TRUNC) ftruncateSync(opened.value.fd, 0);
      return opened;
    } catch (error) {
      if ((flags & O_CREAT) === 0 || errnoOf(error) !== 'ENOENT' || tries === CREATE_TRIES) throw error;
    }
    try {
      const fd = openSync(at, plain | O_CREAT | O_EXCL | SAFE, mode);
      return { ok: true, value: { fd, stat: fstatSync(fd) } };
    } catch (error) {
      // Somebody was first.
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }
}

function openThere(at: string, flags: number, writes: boolean): Foreign<{ fd: number; stat: Stats }> {
  const handle = openSync(at, linux ? HANDLE : flags | SAFE);
  let kept = false;
  try {
    const stat = fstatSync(handle);
    if (!stat.isFile()) return no('not_a_file', kindOf(stat));
    if (writes && stat.nlink > 1) return no('not_a_file', 'has a second name (a hard link)');
    if (linux) {
      const fd = openSync(`/proc/self/fd/${handle}`, flags | constants.O_NONBLOCK | O_CLOEXEC);
      return { ok: true, value: { fd, stat } };
    }
    kept = true;
    return { ok: true, value: { fd: handle, stat } };
  } finally {
    if (!kept) closeSync(handle);
  }
}

/** What is read of an open file; it is closed. */
function withOpen<T>(
  opened: Foreign<{ fd: number; stat: Stats }>,
  use: (file: { fd: number; stat: Stats }) => Foreign<T>,
): Foreign<T> {
  if (!opened.ok) return opened;
  try {
    return use(opened.value);
  } catch (error) {
    return failure(error);
  } finally {
    closeSync(opened.value.fd);
  }
}

function readAt(fd: number, from: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let got = 0;
  while (got < length) {
    const n = readSync(fd, bytes, got, length - got, from + got);
    if (n === 0) break;
    got += n;
  }
  return bytes.subarray(0, got);
}

function writeAll(fd: number, bytes: Buffer): void {
  let put = 0;
  while (put < bytes.length) put += writeSync(fd, bytes, put, bytes.length - put);
}

/**
 * Runs `use` with a path whose folder cannot be exchanged for a link: on Linux by way of a descriptor that was reached
 * from the root without following any. Elsewhere each folder is looked at first.
 */
function inFolder<T>(
  { root, path }: Place,
  use: (at: string) => Foreign<T>,
  folders: 'make' | 'leave' = 'leave',
): Foreign<T> {
  const names = path.split(sep).filter(name => name !== '' && name !== '.');
  const last = names.pop() ?? (path === '.' ? '.' : undefined);
  if (isAbsolute(path) || last === undefined || last === '..' || names.includes('..'))
    return no('outside', 'is not below its folder');
  let folder = -1;
  try {
    if (!linux) return throughFolders(realpathSync(root), [...names, last], use, folders);
    folder = openSync(root, constants.O_DIRECTORY | O_PATH | O_CLOEXEC);
    for (const name of names) {
      const next = openFolder(`/proc/self/fd/${folder}/${name}`, folders);
      if (next === null) return no('outside', `is behind ${name}, which is a link or no folder`);
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

/** null: it is a link, or no folder. */
function openFolder(path: string, folders: 'make' | 'leave'): number | null {
  for (let tries = 0; ; tries++) {
    try {
      return openSync(path, constants.O_DIRECTORY | HANDLE);
    } catch (error) {
      if (['ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return null;
      if (folders === 'leave' || errnoOf(error) !== 'ENOENT' || tries === CREATE_TRIES) throw error;
    }
    try {
      mkdirSync(path);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }
}

function throughFolders<T>(
  root: string,
  names: string[],
  use: (at: string) => Foreign<T>,
  folders: 'make' | 'leave',
): Foreign<T> {
  let at = root;
  for (const name of names.slice(0, -1)) {
    at = join(at, name);
    let found = lstatSync(at, { throwIfNoEntry: false });
    if (!found && folders === 'make') {
      mkdirSync(at);
      found = lstatSync(at);
    }
    if (!found) return no('missing', 'is not there', 'ENOENT');
    if (!found.isDirectory()) return no('outside', `is behind ${name}, which is a link or no folder`);
  }
  return use(`${at}/${names.at(-1)}`);
}

function no(fault: ForeignFault, problem: string, errno: string | null = null) {
  return { ok: false, fault, problem, errno } as const;
}

function failure(error: unknown): Foreign<never> {
  const errno = errnoOf(error) ?? null;
  if (errno === null) throw error;
  if (errno === 'ENOENT') return no('missing', 'is not there', errno);
  if (errno === 'ELOOP' || errno === 'EMLINK')
    return no('not_a_file', 'is a symbolic link, not a file', errno);
  // A socket cannot be opened, nor a FIFO for writing that nobody reads, nor a device without a driver.
  if (errno === 'ENXIO' || errno === 'ENODEV')
    return no('not_a_file', 'is a socket, FIFO or device, not a file', errno);
  if (errno === 'EISDIR') return no('not_a_file', 'is a folder, not a file', errno);
  if (errno === 'ENOTDIR') return no('outside', 'is behind something that is no folder', errno);
  return no('unreadable', messageOf(error), errno);
}

function kindOf(stat: Stats): string {
  if (stat.isFIFO()) return 'is a FIFO, not a file';
  if (stat.isSocket()) return 'is a socket, not a file';
  if (stat.isDirectory()) return 'is a folder, not a file';
  if (stat.isSymbolicLink()) return 'is a symbolic link, not a file';
  return 'is a device, not a file';
}
