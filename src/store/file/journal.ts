/**
 * The journal of a task: one event a line, numbered without gaps, each with a checksum of itself.
 *
 *   {"seq":7,"t":"2026-01-27T18:45:23.004Z","mono":81234,"epoch":2,"type":"task_started","prev":"5d0c…","crc":"1f0c66ab"}
 *
 * `prev` is the digest of the line before, so that no line can be exchanged for another that is sound by itself. Lines
 * of older versions have none; the first that is appended to them has.
 *
 * Appending is one write and one fdatasync; nobody is told of an event before. What an unfinished write leaves at the
 * end was never acknowledged and is cut. Anything else that does not fit is damage: the caller moves it aside.
 */
import { hash } from 'node:crypto';
import { closeSync, constants, fdatasync, fstatSync, ftruncateSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { errnoOf, messageOf, RasenError } from '../../contract/errors.ts';
import { MAX_FILE_BYTES, openRegular, readAt, readWhole, storageError, writeAt } from './file.ts';
import { seal, unseal } from './seal.ts';

/** A line is never longer; what is bigger is an artifact beside the journal. */
export const MAX_LINE_BYTES = 64 * 1024;
const NEWLINE = 10;
/** Of the digest in `prev`. */
const DIGEST_CHARS = 16;
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
  /** Digest of the last line, which the next one names. */
  last: string;
}

/** The digest of a line without its line end. */
export function digestOf(line: string | Buffer): string {
  return hash('sha256', line, 'hex').slice(0, DIGEST_CHARS);
}

/** The digest of the last line of whole lines. */
export function lastDigest(lines: Buffer): string {
  return digestOf(lines.subarray(lines.lastIndexOf(NEWLINE, lines.length - 2) + 1, lines.length - 1));
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
  return parseJournal(readWhole(path, MAX_FILE_BYTES));
}

export function parseJournal(data: Buffer): JournalReading {
  const lines: Line[] = [];
  const none = Buffer.alloc(0);
  let at = 0;
  let before = 0;
  while (at < data.length) {
    const end = data.indexOf(NEWLINE, at);
    const line = end < 0 || end - at >= MAX_LINE_BYTES ? null : decodeJournalLine(data.subarray(at, end));
    const due = line?.seq === lines.length + 1;
    const chained = !due || line.prev === undefined || line.prev === digestOf(data.subarray(before, at - 1));
    if (due && chained) {
      lines.push(line);
      before = at;
      at = end + 1;
      continue;
    }
    const rest = data.subarray(at);
    if (!line && isTorn(rest)) return { lines, bytes: at, torn: rest, damage: null };
    const what = !line
      ? 'its checksum or form is wrong, and it is not the unfinished end of a write'
      : due
        ? 'the line before is not the one that it was written after'
        : `event ${line.seq} where ${lines.length + 1} is due`;
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

/** How a file looked when it was last written or read: whoever writes to it changes this. */
export type Mark = string;

function markOf(fd: number): Mark {
  const { dev, ino, size, mtimeNs, ctimeNs } = fstatSync(fd, { bigint: true });
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}

/** The end of a journal that is to be appended to. */
export interface AppendAt {
  bytes: number;
  crc: number;
  /** Null: its bytes are compared. */
  mark: Mark | null;
}

/**
 * Appends text at the acknowledged end, and resolves with the new end when it is on disk. On failure the file is as
 * before. What stands behind the end (an append that failed and could not be taken back) goes to `displaced`. Throws
 * `storage`; `damaged` with `altered` in its data when the file is not what was acknowledged.
 */
export async function appendJournal(
  path: string,
  at: AppendAt,
  text: string,
  displaced: (rest: Buffer) => void = () => {},
): Promise<{ bytes: number; mark: Mark }> {
  const data = Buffer.from(text);
  let fd: number | null = null;
  let touched = false;
  try {
    fd = openToAppend(path);
    if (markOf(fd) !== at.mark) compare(path, fd, at);
    const { size } = fstatSync(fd);
    if (at.bytes + data.length > MAX_FILE_BYTES) {
      throw new RasenError('storage', `${path} would be larger than ${MAX_FILE_BYTES} bytes`, {
        hint: 'The task is too long for one journal. Cancel it and start the rest as a new one.',
      });
    }
    if (size > at.bytes) {
      displaced(readAt(fd, at.bytes, size - at.bytes));
      ftruncateSync(fd, at.bytes);
    }
    touched = true;
    writeAt(fd, data, at.bytes);
    await dataSync(fd);
    return { bytes: at.bytes + data.length, mark: markOf(fd) };
  } catch (error) {
    if (fd !== null && touched) cutBack(fd, at.bytes);
    throw storageError(path, error);
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

/** Nothing else is there than what was acknowledged, whoever touched it meanwhile. */
function compare(path: string, fd: number, { bytes, crc }: AppendAt): void {
  const { size } = fstatSync(fd);
  if (size < bytes) throw altered(path, `has ${size} bytes, and ${bytes} were acknowledged`);
  if (crc32(readAt(fd, 0, bytes)) !== crc) throw altered(path, 'is not what was written any more');
}

function openToAppend(path: string): number {
  try {
    return openRegular(path, constants.O_RDWR);
  } catch (error) {
    if (error instanceof RasenError) throw altered(path, messageOf(error).slice(path.length + 1));
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw altered(path, 'is gone');
    throw error;
  }
}

function altered(path: string, what: string): RasenError {
  return new RasenError('damaged', `${path} ${what}`, {
    hint: 'Something outside rasen changed it. The task is kept in memory; see `rasen doctor`.',
    data: { path, altered: true },
  });
}

/** The file is not what this supervisor wrote. */
export function isAltered(error: unknown): boolean {
  return error instanceof RasenError && error.data?.altered === true;
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
