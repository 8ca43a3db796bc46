/** Plain files, read and written with care: whole, of bounded size, and on the disk before anyone goes on. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, messageOf, RasenError } from '../../contract/errors.ts';

/** Largest file that the store reads or lets grow; a task with 100,000 attempts stays under it. */
export const MAX_FILE_BYTES = 1024 * 1024 * 1024;

/** Largest document: what is read as a whole and parsed as one. */
export const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;

/**
 * Bytes of a regular file, as many as it has when it is opened. Follows no link, and never blocks on what is no file
 * (a FIFO, a device). Throws `damaged`, or the error of the system.
 */
export function readWhole(path: string, max: number = MAX_DOCUMENT_BYTES): Buffer {
  const fd = openRegular(path, constants.O_RDONLY);
  try {
    const { size } = fstatSync(fd);
    if (size > max) throw new RasenError('damaged', `${path} has ${size} bytes, and at most ${max} are read`);
    return readAt(fd, 0, size);
  } finally {
    closeSync(fd);
  }
}

/** Opens what is at the path itself if it is a regular file; the caller closes it. Throws as `readWhole`. */
export function openRegular(path: string, flags: number): number {
  let fd: number;
  try {
    fd = openSync(path, flags | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    const what = NO_FILE[errnoOf(error) ?? ''];
    if (what === undefined) throw error;
    throw new RasenError('damaged', `${path} is ${what}`, { cause: error });
  }
  try {
    if (fstatSync(fd).isFile()) return fd;
    throw new RasenError('damaged', `${path} is not a regular file`);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** What the system says of things that cannot even be opened. */
const NO_FILE: Record<string, string> = {
  ELOOP: 'a symbolic link, not a file',
  EMLINK: 'a symbolic link, not a file',
  ENXIO: 'a socket or device, not a file',
  ENODEV: 'a device, not a file',
  EISDIR: 'a folder, not a file',
};

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

/** A new file, synced; its folder is the caller's to sync. Never written through a link. */
export function writeDurable(path: string, data: string | Buffer): void {
  write(path, data, true);
}

/** As `writeDurable`, for what can be made again. */
export function writePlain(path: string, data: string | Buffer): void {
  write(path, data, false);
}

function write(path: string, data: string | Buffer, sync: boolean): void {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    writeAt(fd, Buffer.from(data), 0);
    if (sync) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Cuts a file to its first bytes. */
export function truncate(path: string, bytes: number): void {
  const fd = openRegular(path, constants.O_RDWR);
  try {
    ftruncateSync(fd, bytes);
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
