/**
 * The journal of a task: one event a line, numbered without gaps, each with a checksum of itself.
 *
 *   {"seq":7,"t":"2026-01-27T18:45:23.004Z","mono":81234,"epoch":2,"type":"task_started","crc":"1f0c66ab"}
 *
 * Appending is one write and one fdatasync; nobody is told of an event before. What an unfinished write leaves at the
 * end was never acknowledged and is cut. Anything else that does not fit is damage: the caller moves it aside.
 */
import { closeSync, fdatasync, fstatSync, ftruncateSync, openSync } from 'node:fs';
import { RasenError } from '../errors.ts';
import { MAX_FILE_BYTES, readAt, readWhole, storageError, writeAt } from './file.ts';
import { seal, unseal } from './seal.ts';

/** A line is never longer; what is bigger is an artifact beside the journal. */
export const MAX_LINE_BYTES = 64 * 1024;
const NEWLINE = 10;
const CRC_END = Buffer.from('"}');

export interface Line {
  seq: number;
  type: string;
  [key: string]: unknown;
}

/** Where a journal ends, as far as it was acknowledged. */
export interface Tail {
  bytes: number;
  /** CRC-32 of them. */
  crc: number;
  /** Format of the last line. */
  format: number;
}

/** A line with its line end, or null when it is too long. */
export function tryEncodeLine(line: Line): string | null {
  const text = `${seal(line)}\n`;
  return Buffer.byteLength(text) > MAX_LINE_BYTES ? null : text;
}

export function encodeJournalLine(line: Line): string {
  const text = tryEncodeLine(line);
  if (text === null) {
    throw new Error(`event ${line.seq} (${line.type}) is longer than ${MAX_LINE_BYTES} bytes`);
  }
  return text;
}

/** The event of a line without its line end, or null when the line is not one. */
export function decodeJournalLine(text: string | Buffer): Line | null {
  const line = unseal(typeof text === 'string' ? Buffer.from(text) : text);
  return typeof line?.seq === 'number' && typeof line.type === 'string' ? (line as Line) : null;
}

export interface JournalReading {
  lines: Line[];
  /** Bytes of the sound part. */
  bytes: number;
  /** What was torn off the end; empty when nothing was. */
  torn: Buffer;
  /** Why the file cannot be used; null when it can. */
  damage: string | null;
}

export function readJournal(path: string): JournalReading {
  return parseJournal(readWhole(path));
}

export function parseJournal(data: Buffer): JournalReading {
  const lines: Line[] = [];
  const none = Buffer.alloc(0);
  let at = 0;
  while (at < data.length) {
    const end = data.indexOf(NEWLINE, at);
    const line = end < 0 || end - at >= MAX_LINE_BYTES ? null : decodeJournalLine(data.subarray(at, end));
    if (line?.seq === lines.length + 1) {
      lines.push(line);
      at = end + 1;
      continue;
    }
    const rest = data.subarray(at);
    if (!line && isTorn(rest)) return { lines, bytes: at, torn: rest, damage: null };
    const what = line
      ? `event ${line.seq} where ${lines.length + 1} is due`
      : 'its checksum or form is wrong, and it is not the unfinished end of a write';
    return { lines, bytes: at, torn: none, damage: `line ${lines.length + 1}: ${what}` };
  }
  return { lines, bytes: at, torn: none, damage: null };
}

/**
 * Whether bytes behind the last sound line are what an unfinished append leaves: the beginning of a line, then maybe
 * zeros up to the end, where the size had grown and the data had not come. A line end in it, or anything behind a
 * whole line, shows that the append was finished: then it was acknowledged, and this is damage.
 */
function isTorn(rest: Buffer): boolean {
  let end = rest.length;
  while (end > 0 && rest[end - 1] === 0) end--;
  const written = rest.subarray(0, end);
  if (written.length > MAX_LINE_BYTES || written.includes(0) || written.includes(NEWLINE)) return false;
  for (let i = written.indexOf(CRC_END); i >= 0; i = written.indexOf(CRC_END, i + 1)) {
    const whole = i + CRC_END.length;
    if (whole < rest.length && decodeJournalLine(written.subarray(0, whole))) return false;
  }
  return true;
}

/**
 * Appends text at `offset`, the acknowledged end, and resolves with the new end when it is on disk. On failure the file
 * is as before. What stands behind `offset` (an append that failed and could not be taken back) goes to `displaced`.
 * Throws `storage`; `damaged` when the file is shorter than what was acknowledged.
 */
export async function appendJournal(
  path: string,
  offset: number,
  text: string,
  displaced: (rest: Buffer) => void = () => {},
): Promise<number> {
  const data = Buffer.from(text);
  let fd: number | null = null;
  let touched = false;
  try {
    fd = openSync(path, 'r+');
    const { size } = fstatSync(fd);
    if (size < offset) {
      throw new RasenError('damaged', `${path} has ${size} bytes, and ${offset} were acknowledged`, {
        hint: 'Something outside rasen cut it. The task is kept in memory; see `rasen doctor`.',
      });
    }
    if (offset + data.length > MAX_FILE_BYTES) {
      throw new RasenError('storage', `${path} would be larger than ${MAX_FILE_BYTES} bytes`, {
        hint: 'The task is too long for one journal. Cancel it and start the rest as a new one.',
      });
    }
    if (size > offset) {
      displaced(readAt(fd, offset, size - offset));
      ftruncateSync(fd, offset);
    }
    touched = true;
    writeAt(fd, data, offset);
    await dataSync(fd);
    return offset + data.length;
  } catch (error) {
    if (fd !== null && touched) cutBack(fd, offset);
    throw storageError(path, error);
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

const dataSync = (fd: number) =>
  new Promise<void>((resolve, reject) => fdatasync(fd, error => (error ? reject(error) : resolve())));

function cutBack(fd: number, offset: number): void {
  try {
    ftruncateSync(fd, offset);
  } catch {
    // The next append cuts it; until then the store reads only up to the acknowledged end.
  }
}
