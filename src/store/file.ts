/** Plain files, read and written with care: whole, of bounded size, and on the disk before anyone goes on. */
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, messageOf, RasenError } from '../errors.ts';

/** Largest file that the store reads or lets grow; a task with 100,000 attempts stays under it. */
export const MAX_FILE_BYTES = 1024 * 1024 * 1024;

/** Bytes of a regular file. Never blocks on what is none (a FIFO). Throws `damaged`, or the error of the system. */
export function readWhole(path: string): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new RasenError('damaged', `${path} is not a regular file`);
    if (stat.size > MAX_FILE_BYTES) {
      throw new RasenError('damaged', `${path} is larger than ${MAX_FILE_BYTES} bytes`);
    }
    return readAt(fd, 0, stat.size);
  } finally {
    closeSync(fd);
  }
}

/** Up to `length` bytes from `position` on; fewer where the file ends. */
export function readAt(fd: number, position: number, length: number): Buffer {
  const data = Buffer.allocUnsafe(length);
  let got = 0;
  while (got < length) {
    const more = readSync(fd, data, got, length - got, position + got);
    if (more === 0) break;
    got += more;
  }
  return data.subarray(0, got);
}

/** Writes all of it: a full disk can take a part without an error, and says so only when asked for the rest. */
export function writeAt(fd: number, data: Buffer, position: number): void {
  let put = 0;
  while (put < data.length) put += writeSync(fd, data, put, data.length - put, position + put);
}

/** A new file, synced; its folder is the caller's to sync. */
export function writeDurable(path: string, data: string | Buffer): void {
  const fd = openSync(path, 'w', 0o600);
  try {
    writeAt(fd, Buffer.from(data), 0);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes names in the folder durable. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes durable that `folder` is there, and every folder above it up to and with the one that holds `top`. */
export function syncFoldersUpTo(folder: string, top: string): void {
  const last = dirname(top);
  for (let at = folder; ; at = dirname(at)) {
    try {
      syncFolder(at);
    } catch (error) {
      // The folder above may be closed to us, and then was not made by us.
      if (at !== last || !['EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) throw error;
    }
    if (at === last || at === dirname(at)) return;
  }
}

const HINTS: Record<string, string> = {
  ENOSPC: 'The disk is full. Free some space; nothing was acknowledged and nothing is lost.',
  EDQUOT: 'The disk quota is used up. Free some space; nothing was acknowledged and nothing is lost.',
  EROFS: 'The file system is read-only.',
  EACCES: 'Check the owner and mode of the folder.',
};

/** What a failed write means to a user. Anything that the system did not say is a bug and stays what it is. */
export function storageError(path: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (error instanceof RasenError || errno === undefined) return error;
  return new RasenError('storage', `cannot write ${path}: ${messageOf(error)}`, {
    hint: HINTS[errno] ?? 'Nothing was acknowledged. See `rasen doctor`.',
    data: { path, errno },
    cause: error,
  });
}
