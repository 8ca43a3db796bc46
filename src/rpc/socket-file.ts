/**
 * The place of the socket on disk: its folder, what may be at its path before we bind, and whether what is there now is
 * still ours. Nothing here removes or changes anything that is not a dead socket of our own. Used by endpoint.ts.
 */
import { type BigIntStats, lstatSync, mkdirSync, renameSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { errnoOf, messageOf, RasenError } from '../contract/errors.ts';
import type { Limits } from './limits.ts';

/** Which file it is. The birth time is there because a removed file's inode number is soon used again. */
export type FileId = string;

export function fileId(path: string): FileId | undefined {
  const stat = lstat(path);
  return stat && `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`;
}

/** Throws RasenError `socket_path` when the path is too long for a socket address (it would be cut silently). */
export function checkSocketPath(path: string, { socket_path_bytes }: Limits): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= socket_path_bytes) return;
  throw new RasenError(
    'socket_path',
    `The socket path ${path} has ${bytes} bytes; at most ${socket_path_bytes} work.`,
    { hint: 'Set RASEN_RUNTIME_DIR (or RASEN_HOME) to a shorter path.', data: { path, bytes } },
  );
}

/**
 * Makes the folder with mode 0700 if it is absent. A folder that exists is checked and never changed: a real folder,
 * ours, closed to others. Throws RasenError `socket_path`.
 */
export function ensurePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw unusable(path, messageOf(error), { cause: error });
  }
  const stat = lstat(path);
  if (!stat?.isDirectory()) throw unusable(path, 'it is not a real folder');
  if (stat.uid !== uid()) throw unusable(path, `it belongs to uid ${stat.uid}`);
  const mode = stat.mode & 0o777n;
  if (mode & 0o077n)
    throw unusable(path, `its mode is ${mode.toString(8)}, so others can get in`, {
      mend: `chmod 700 '${path}'`,
    });
}

/**
 * Removes the socket that a dead supervisor left. Call with the instance's lock held. Throws RasenError `socket_in_use`
 * when there is anything else: another file, someone else's socket, or one that is answered.
 */
export async function clearStaleSocket(path: string, limits: Limits): Promise<void> {
  const stat = lstat(path);
  if (!stat) return;
  if (!stat.isSocket()) throw inUse(path, 'is not a socket');
  if (stat.uid !== uid()) throw inUse(path, `belongs to uid ${stat.uid}`);
  if (await isAnswered(path, limits.connect_ms)) throw inUse(path, 'is answered by another program');
  unlinkSync(path);
}

/**
 * Runs `close`, which removes whatever is at `path` (libuv does when a listener closes), without harm to a file there
 * that is not `own`. Synchronous, so that the path misses its file only for a moment.
 */
export function closeKeepingOthers(path: string, own: FileId, close: () => void): void {
  const there = fileId(path);
  const aside = there === undefined || there === own ? undefined : `${path}.${process.pid}`;
  if (aside) renameSync(path, aside);
  try {
    close();
  } finally {
    if (aside) renameSync(aside, path);
  }
}

/** The lock cannot tell about a program that does not take it; a connection can. */
export function isAnswered(path: string, timeout_ms: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path);
    const done = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    // EAGAIN: its queue is full, so there is somebody. So there is when nothing comes back at all.
    socket.once('error', error => done(errnoOf(error) === 'EAGAIN'));
    socket.once('connect', () => done(true));
    socket.setTimeout(timeout_ms, () => done(true));
  });
}

function lstat(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

function uid(): bigint {
  return BigInt(process.getuid?.() ?? 0);
}

function unusable(path: string, why: string, more: { mend?: string; cause?: unknown } = {}): RasenError {
  const { mend, cause } = more;
  return new RasenError('socket_path', `The folder ${path} cannot hold the socket: ${why}.`, {
    hint: `It must be a folder of yours with mode 0700; ${mend ?? 'remove or repair it'}, or set RASEN_RUNTIME_DIR.`,
    data: { path },
    cause,
  });
}

function inUse(path: string, why: string): RasenError {
  return new RasenError('socket_in_use', `The socket path ${path} cannot be used: what is there ${why}.`, {
    hint: 'Look what it is; move it away if nothing needs it.',
    data: { path },
  });
}
