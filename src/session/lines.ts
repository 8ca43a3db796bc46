/**
 * Cuts what an agent writes into whole lines: each is heard and copied as one piece, so that nothing of the error
 * channel gets between. A line that is too long to be held is copied in pieces and heard by nobody.
 */
import { MAX_LINE_BYTES } from '../agents/output-lines.ts';

const NEWLINE = 0x0a;

export class Lines {
  #parts: Buffer[] = [];
  #bytes = 0;
  #too_long = false;

  /** The lines that are whole now, each with its end; `heard` is null for one that was too long. */
  *push(chunk: Buffer): Generator<{ bytes: Buffer; heard: string | null }> {
    for (let from = 0; from < chunk.length; ) {
      const at = chunk.indexOf(NEWLINE, from);
      const part = chunk.subarray(from, at < 0 ? chunk.length : at + 1);
      from += part.length;
      this.#parts.push(part);
      this.#bytes += part.length;
      this.#too_long ||= this.#bytes > MAX_LINE_BYTES;
      if (at < 0 && !this.#too_long) return;
      const bytes = this.rest();
      yield { bytes, heard: this.#too_long ? null : bytes.toString('utf8').trim() };
      if (at >= 0) this.#too_long = false;
    }
  }

  /** Whether a line is begun and not ended. */
  get torn(): boolean {
    return this.#too_long || this.#bytes > 0;
  }

  /** What is held of the last line, which has no end. */
  rest(): Buffer {
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    return bytes;
  }
}
