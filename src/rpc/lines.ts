/**
 * Framing of the control socket: one JSON value per line of strict UTF-8, ended by LF (CR LF is tolerated, blank lines
 * are skipped). Used by both ends. Pure: no sockets, no timers.
 */
import { isUtf8 } from 'node:buffer';

const LF = 0x0a;
const CR = 0x0d;
/** First size of the buffer for a line that arrives in pieces; a bigger one is given back after the line. */
const SMALL_BYTES = 4096;
const KEEP_BYTES = 64 * 1024;

/** One line, or why there is none: the sender exceeded the limit, or the bytes are not UTF-8. */
export type Line = { text: string } | { problem: 'too_large' | 'not_utf8' };

/**
 * Cuts a byte stream into lines. Pull, not push: a reader that may take no more leaves the rest where it is.
 * Each byte is searched once and copied only when its line spans chunks, so neither a sender without newlines nor one
 * that sends single bytes costs more than the limit. After `too_large` the stream cannot be resumed.
 */
export class LineDecoder {
  /** Lines seen that were not blank. */
  lines = 0;
  readonly #max_bytes: number;
  #chunk: Buffer | undefined;
  #at = 0;
  #head: Buffer = Buffer.alloc(0);
  #head_bytes = 0;

  constructor(max_bytes: number) {
    this.#max_bytes = max_bytes;
  }

  push(chunk: Buffer): void {
    if (this.#chunk) chunk = Buffer.concat([this.#chunk.subarray(this.#at), chunk]);
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** True between the first byte of a line and its newline, once next() has returned undefined. */
  get partial(): boolean {
    return this.#head_bytes > 0;
  }

  next(): Line | undefined {
    while (this.#chunk) {
      const chunk = this.#chunk;
      const start = this.#at;
      const end = chunk.indexOf(LF, start);
      const stop = end < 0 ? chunk.length : end;
      // One byte more is allowed here: it may be the CR of a longest line.
      if (this.#head_bytes + stop - start > this.#max_bytes + 1) return this.#overflow();
      if (end < 0) {
        this.#keep(chunk.subarray(start));
        this.#chunk = undefined;
        return undefined;
      }
      this.#at = end + 1;
      if (this.#at === chunk.length) this.#chunk = undefined;
      const line = this.#finish(chunk.subarray(start, end));
      if (line) return line;
    }
    return undefined;
  }

  #finish(tail: Buffer): Line | undefined {
    let bytes = tail;
    if (this.#head_bytes > 0) {
      this.#keep(tail);
      bytes = this.#head.subarray(0, this.#head_bytes);
      this.#head_bytes = 0;
      if (this.#head.length > KEEP_BYTES) this.#head = Buffer.alloc(0);
    }
    if (bytes.at(-1) === CR) bytes = bytes.subarray(0, -1);
    if (bytes.length > this.#max_bytes) return this.#overflow();
    if (isBlank(bytes)) return undefined;
    this.lines += 1;
    return isUtf8(bytes) ? { text: bytes.toString('utf8') } : { problem: 'not_utf8' };
  }

  #keep(piece: Buffer): void {
    const bytes = this.#head_bytes + piece.length;
    if (bytes > this.#head.length) {
      const size = Math.min(Math.max(bytes, this.#head.length * 2, SMALL_BYTES), this.#max_bytes + 1);
      const bigger = Buffer.allocUnsafe(Math.max(size, bytes));
      this.#head.copy(bigger, 0, 0, this.#head_bytes);
      this.#head = bigger;
    }
    piece.copy(this.#head, this.#head_bytes);
    this.#head_bytes = bytes;
  }

  #overflow(): Line {
    this.#chunk = undefined;
    this.#head = Buffer.alloc(0);
    this.#head_bytes = 0;
    return { problem: 'too_large' };
  }
}

/** JSON never has a raw newline inside, so the newline that is added here is the only one. */
export function encodeLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 0x20 && byte !== 0x09) return false;
  return true;
}
