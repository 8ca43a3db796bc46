/**
 * Reads `output` of an attempt while it grows: forward by offsets for followers, backward for the last lines. Raw bytes;
 * what was freed by the cap is a gap, never zeros. Never waits for new output.
 */
import type { Foreign } from '../host/foreign-file.ts';
import { ForeignHandle } from '../host/foreign-handle.ts';
import { TAIL_STEP_BYTES } from './limits.ts';
import { droppedBytes } from './output-cap.ts';
import { placeIn } from './small-file.ts';

export interface OutputChunk {
  offset: number;
  bytes: Buffer;
  /** Where to read on; equal to `offset` when there is nothing new. */
  next: number;
}

/** Bytes `from`…`to` were dropped; read on at `next`. */
export interface OutputGap {
  gap: { from: number; to: number };
  next: number;
}

/** What is there cannot be read: it is no file, or the system refuses. */
export interface OutputProblem {
  /** For people: `is a FIFO, not a file`. */
  problem: string;
}

/** Longest sequence of UTF-8, in bytes. */
const UTF8_BYTES_MAX = 4;
const NEWLINE = 0x0a;

/**
 * Reads up to `max` bytes (at least 4) from an offset. The chunk ends with a line where one ends in it, else between
 * two characters; with `final` (nothing will be appended any more) it holds whatever is there.
 */
export async function readOutput(
  dir: string,
  from: number,
  max: number,
  options: { final?: boolean } = {},
): Promise<OutputChunk | OutputGap | OutputProblem> {
  const limit = Math.max(max, UTF8_BYTES_MAX);
  const read = await withOutput(dir, file => file.read(from, limit));
  if (!read.ok && read.fault !== 'missing') return { problem: read.problem };
  // Asked after reading: the count is raised before blocks are freed, so bytes at or above it are real.
  const dropped = droppedBytes(dir);
  if (from < dropped) return { gap: { from, to: dropped }, next: dropped };
  if (!read.ok) return { offset: from, bytes: Buffer.alloc(0), next: from };
  const bytes = read.value;
  const whole = bytes.length === 0 || options.final ? bytes : bytes.subarray(0, endOfText(bytes));
  // Not text, or the buffer is full of the start of one character that never ends: go on all the same.
  const chunk = whole.length === 0 && bytes.length >= UTF8_BYTES_MAX ? bytes : whole;
  return { offset: from, bytes: chunk, next: from + chunk.length };
}

/** The end of an output, and where it begins; of what cannot be read it is empty, and `problem` says why. */
export interface OutputEnd {
  offset: number;
  text: Buffer;
  problem: string | null;
}

/** The last `n` lines, at most `max_bytes`; a last line without its end counts as one. */
export async function lastLines(dir: string, n: number, max_bytes: number): Promise<OutputEnd> {
  const read = await withOutput(dir, async file => {
    const { size } = await file.look();
    const floor = Math.max(size - max_bytes, droppedBytes(dir), 0);
    let text = Buffer.alloc(0);
    let offset = size;
    while (offset > floor && n > 0) {
      const start = Math.max(floor, offset - TAIL_STEP_BYTES);
      text = Buffer.concat([await file.read(start, offset - start), text]);
      offset = start;
      const begin = startOfLines(text, n);
      if (begin !== null) return { offset: offset + begin, text: text.subarray(begin) };
    }
    return { offset, text };
  });
  if (!read.ok)
    return { offset: 0, text: Buffer.alloc(0), problem: read.fault === 'missing' ? null : read.problem };
  const { offset, text } = read.value;
  const freed = Math.max(0, Math.min(droppedBytes(dir) - offset, text.length));
  return { offset: offset + freed, text: text.subarray(freed), problem: null };
}

/** The same of an output that is at hand as a whole; `dropped`: how much of its beginning was freed. */
export function lastLinesIn(output: Buffer, dropped: number, n: number, max_bytes: number): OutputEnd {
  const floor = Math.min(Math.max(output.length - max_bytes, dropped, 0), output.length);
  const text = output.subarray(n > 0 ? floor : output.length);
  const begin = startOfLines(text, n) ?? 0;
  return { offset: output.length - text.length + begin, text: text.subarray(begin), problem: null };
}

/** Where the last `n` lines begin in the text, or null when it holds fewer newlines than it takes to know. */
function startOfLines(text: Buffer, n: number): number | null {
  let at = text.length - 1;
  for (let lines = 0; lines < n; lines++) {
    // The newline at `at` (or the end of the text) ends a line; the one before it ends the line before.
    at = at > 0 ? text.lastIndexOf(NEWLINE, at - 1) : -1;
    if (at < 0) return null;
  }
  return at + 1;
}

/** Length of the part that ends with a line, else with a whole character. */
function endOfText(bytes: Buffer): number {
  const newline = bytes.lastIndexOf(NEWLINE);
  if (newline >= 0) return newline + 1;
  for (let back = 1; back < UTF8_BYTES_MAX && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue;
    const wants = byte >= 0b1111_0000 ? 4 : byte >= 0b1110_0000 ? 3 : byte >= 0b1100_0000 ? 2 : 1;
    return wants > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

async function withOutput<T>(dir: string, use: (file: ForeignHandle) => Promise<T>): Promise<Foreign<T>> {
  const opened = ForeignHandle.open(placeIn(dir, 'output'));
  if (!opened.ok) return opened;
  using file = opened.value;
  return { ok: true, value: await use(file) };
}
