/**
 * The kernel lock that makes an instance of rasen have one supervisor. It belongs to an open file, so it ends with the
 * process however that ends, children do not inherit it, and there is nothing stale to judge. The file itself stays for
 * ever: removing a lock file is a race. The holder's pid is inside, for messages only.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, fstatSync, lstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { errnoOf, messageOf, RasenError } from '../contract/errors.ts';
import { readForeign } from '../host/foreign-file.ts';

/** macOS only: open() takes the lock itself. Not among node's constants. */
const O_EXLOCK = 0x20;
/** How often the lock is tried when its file is replaced at that moment. */
const TRIES = 5;
const FLOCK_MS = 5_000;
const PID_CHARS = 10;
/** Of a lock file that is read. */
const PID_BYTES_MAX = 64;
/** A holder writes its pid just after it got the lock; whoever lost that race looks again this often, this long. */
const HOLDER_TRIES = 20;
const HOLDER_WAIT_MS = 5;

export interface InstanceLock {
  readonly path: string;
  /**
   * Makes sure that the file at the path is the one that is locked; when the file has vanished, takes a new one.
   * Throws RasenError `already_running` when another supervisor has taken it.
   */
  ensure(): void;
  release(): void;
}

/** Takes the lock. Throws RasenError: `already_running`, with the holder's pid, `socket_path` or `spawn`. */
export function takeInstanceLock(path: string): InstanceLock {
  let fd: number | undefined = lock(path);
  return {
    path,
    ensure() {
      if (fd !== undefined && isAt(fd, path)) return;
      const again = lock(path);
      if (fd !== undefined) closeSync(fd);
      fd = again;
    },
    release() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

/** The pid in the lock file, when a process of that pid is alive. */
export function holderOf(path: string): number | undefined {
  try {
    const read = readForeign({ root: dirname(path), path: basename(path) }, PID_BYTES_MAX);
    const pid = read.ok ? Number.parseInt(read.value.bytes.toString('latin1'), 10) : 0;
    if (!(pid > 0)) return undefined;
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}

function lock(path: string): number {
  for (let n = 0; n < TRIES; n++) {
    const fd = process.platform === 'darwin' ? openLocked(path) : openAndFlock(path);
    if (fd === undefined) throw alreadyRunning(path);
    if (isAt(fd, path)) {
      // One write of constant length, so that a reader never sees a half of it.
      writeSync(fd, `${String(process.pid).padEnd(PID_CHARS)}\n`, 0);
      return fd;
    }
    closeSync(fd);
  }
  throw new RasenError('already_running', `The lock ${path} is being replaced all the time.`);
}

function openAndFlock(path: string): number | undefined {
  const fd = open(path, 0);
  if (fd === undefined) return undefined;
  // flock(1) locks our open file description through its copy of the descriptor; the lock stays when it exits.
  const flock = spawnSync('flock', ['-x', '-n', '3'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    timeout: FLOCK_MS,
  });
  if (flock.status === 0) return fd;
  closeSync(fd);
  if (flock.status === 1) return undefined;
  throw new RasenError('spawn', `The lock ${path} could not be taken: ${flockProblem(flock)}.`, {
    hint: 'Install flock (package util-linux), or put RASEN_HOME on a local file system.',
    cause: flock.error,
  });
}

function flockProblem({ error, stderr, status }: ReturnType<typeof spawnSync>): string {
  if (error) return `flock could not be run (${messageOf(error)})`;
  return `flock ended with ${status} ${String(stderr).trim()}`.trim();
}

function openLocked(path: string): number | undefined {
  return open(path, O_EXLOCK | constants.O_NONBLOCK);
}

/** Undefined: another process holds the lock. */
function open(path: string, more: number): number | undefined {
  try {
    putAsideWhatIsNoFile(path);
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK | more;
    const fd = openSync(path, flags, 0o600);
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
    throw new Error('it is not a regular file');
  } catch (error) {
    if (errnoOf(error) === 'EAGAIN' || errnoOf(error) === 'EWOULDBLOCK') return undefined;
    throw new RasenError('socket_path', `The lock ${path} cannot be opened: ${messageOf(error)}.`, {
      hint: 'It must be a plain file of yours in a folder of yours.',
      cause: error,
    });
  }
}

/** A FIFO, socket or device was never a lock of ours, so nobody holds it. It is kept, under another name. */
function putAsideWhatIsNoFile(path: string): void {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there && (there.isFIFO() || there.isSocket() || there.isCharacterDevice()))
    renameSync(path, `${path}.unusable-${Date.now()}`);
}

function isAt(fd: number, path: string): boolean {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (!there) return false;
  const ours = fstatSync(fd);
  return there.ino === ours.ino && there.dev === ours.dev;
}

function alreadyRunning(path: string): RasenError {
  let pid = holderOf(path);
  for (let n = 0; n < HOLDER_TRIES && pid === undefined; n++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HOLDER_WAIT_MS);
    pid = holderOf(path);
  }
  return new RasenError(
    'already_running',
    `Another supervisor is running already${pid ? ` (pid ${pid})` : ''}; it holds ${path}.`,
    {
      hint: 'Use it, or stop it first; for a second one set another RASEN_HOME.',
      data: { lock: path, ...(pid ? { pid } : {}) },
    },
  );
}
