/**
 * Reads a user's file as text, within limits. A file is either read whole and valid or refused with a place;
 * nothing here follows into devices or pipes, which could block or never end.
 */
import { isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { errnoOf, messageOf } from '../contract/errors.ts';
import type { Place, Problems } from './problems.ts';

/** Longest config, plan or prompt file. */
export const MAX_FILE_BYTES = 1024 * 1024;

const START: Place = { line: 1, column: 1 };

/** The text of the file; null when it does not exist or was refused, which then is in `problems`. */
export function readText(path: string, problems: Problems, missing: 'ok' | 'problem' = 'ok'): string | null {
  let fd: number;
  try {
    // O_NONBLOCK: opening a FIFO must not wait for a writer.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = errnoOf(error);
    if ((code === 'ENOENT' || code === 'ENOTDIR') && missing === 'ok') return null;
    problems.add(START, '', code === 'ENOENT' ? 'no such file' : `cannot be read: ${messageOf(error)}`);
    return null;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) {
      problems.add(START, '', stat.isDirectory() ? 'is a folder, not a file' : 'is not a regular file');
      return null;
    }
    const bytes = Buffer.alloc(Math.min(stat.size, MAX_FILE_BYTES) + 1);
    let length = 0;
    while (length < bytes.length) {
      const got = readSync(fd, bytes, length, bytes.length - length, null);
      if (got === 0) break;
      length += got;
    }
    if (stat.size > MAX_FILE_BYTES || length > MAX_FILE_BYTES) {
      problems.add(START, '', `is larger than ${MAX_FILE_BYTES / 1024} KiB`);
      return null;
    }
    return decode(bytes.subarray(0, length), problems);
  } catch (error) {
    problems.add(START, '', `cannot be read: ${messageOf(error)}`);
    return null;
  } finally {
    closeSync(fd);
  }
}

/** UTF-8 with or without a byte order mark; anything else is refused with its place. */
export function decode(bytes: Uint8Array, problems: Problems): string | null {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    problems.add(START, '', 'is UTF-16; save it as UTF-8');
    return null;
  }
  if (!isUtf8(bytes)) {
    problems.add(firstBadLine(bytes), '', 'is not valid UTF-8');
    return null;
  }
  return checkText(new TextDecoder('utf-8').decode(bytes), problems);
}

/** Refuses text that no editor writes: NUL means a binary file. Takes a byte order mark off. */
export function checkText(text: string, problems: Problems): string | null {
  if (text.length > MAX_FILE_BYTES) {
    problems.add(START, '', `is larger than ${MAX_FILE_BYTES / 1024} KiB`);
    return null;
  }
  const nul = text.indexOf('\0');
  if (nul >= 0) {
    const before = text.slice(0, nul).split('\n');
    const place = { line: before.length, column: before.at(-1)!.length + 1 };
    problems.add(place, '', 'contains a NUL character; this is not a text file');
    return null;
  }
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

function firstBadLine(bytes: Uint8Array): Place {
  let start = 0;
  for (let line = 1; start < bytes.length; line++) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    if (!isUtf8(bytes.subarray(start, end))) return { line, column: 1 };
    start = end + 1;
  }
  return START;
}
