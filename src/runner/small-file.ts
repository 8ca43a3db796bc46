/** Reading of small files that may be missing, torn or written to at this moment; synchronous, since it is polled. */
import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { RECORD_BYTES_MAX } from './limits.ts';

/** Null where nothing can be seen. */
export function statOf(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

/** Text and time of last change in ms; null when there is no such regular file, or it is larger than `max` bytes. */
export function readSmall(
  path: string,
  max: number = RECORD_BYTES_MAX,
): { text: string; mtime_ms: number } | null {
  // Asked first, because an exception costs more than the whole read; and a FIFO must never be opened here.
  if (!statOf(path)?.isFile()) return null;
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return null;
  }
  try {
    const { size, mtimeMs } = fstatSync(fd);
    if (size > max) return null;
    const bytes = Buffer.alloc(size);
    let length = 0;
    while (length < size) {
      const n = readSync(fd, bytes, length, size - length, length);
      if (n === 0) break;
      length += n;
    }
    return { text: bytes.toString('utf8', 0, length), mtime_ms: mtimeMs };
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}
