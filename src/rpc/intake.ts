/**
 * What one connection has sent: bytes to lines to messages, batches taken apart. Pull: peer.ts takes the next message
 * only when it may start it. Never throws.
 */
import { Batch } from './batch.ts';
import type { Limits } from './limits.ts';
import { LineDecoder } from './lines.ts';
import { CODES, type Entry, invalid, readEntry } from './message.ts';

/** A message and the batch it came in, if it did. */
export type Received = Entry & { batch?: Batch };

export class Intake {
  readonly #decoder: LineDecoder;
  readonly #limits: Limits;
  readonly #send: (text: string) => void;
  /** The rest of a batch, last entry first. */
  #rest: Received[] = [];

  constructor(limits: Limits, send: (text: string) => void) {
    this.#limits = limits;
    this.#send = send;
    this.#decoder = new LineDecoder(limits.max_frame_in_bytes);
  }

  push(chunk: Buffer): void {
    this.#decoder.push(chunk);
  }

  /** Complete lines so far. */
  get frames(): number {
    return this.#decoder.lines;
  }

  /** A line has begun and has not ended; only true when next() had nothing more. */
  get partial(): boolean {
    return this.#decoder.partial;
  }

  next(): Received | 'too_large' | undefined {
    const entry = this.#rest.pop();
    if (entry) return entry;
    const line = this.#decoder.next();
    if (!line) return undefined;
    if ('text' in line) return this.#parse(line.text);
    if (line.problem === 'too_large') return 'too_large';
    return invalid(null, 'the line is not UTF-8', CODES.parse_error);
  }

  #parse(text: string): Received {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return invalid(null, 'the line is not JSON', CODES.parse_error);
    }
    return Array.isArray(value) ? this.#open(value) : readEntry(value);
  }

  #open(values: unknown[]): Received {
    if (values.length === 0) return invalid(null, 'a batch must not be empty');
    const { batch: most } = this.#limits;
    if (values.length > most)
      return invalid(null, `a batch has at most ${most} entries, this one ${values.length}`);
    const entries: Received[] = values.map(readEntry);
    const answers = entries.filter(entry => entry.kind !== 'notification').length;
    const batch = new Batch(answers, this.#limits.max_frame_out_bytes, this.#send);
    for (const entry of entries) entry.batch = batch;
    this.#rest = entries.reverse();
    return this.#rest.pop()!;
  }
}
