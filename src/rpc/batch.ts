/** Answers of one JSON-RPC batch, sent together as one line when the last is there. Used by peer.ts only. */
import { CODES, errorText, type Id } from './message.ts';

export class Batch {
  readonly #max_bytes: number;
  readonly #send: (text: string) => void;
  readonly #parts: string[] = [];
  #missing: number;
  #bytes = 2;

  /** `answers`: entries that are owed one. `send` gets the line, without its newline. */
  constructor(answers: number, max_bytes: number, send: (text: string) => void) {
    this.#missing = answers;
    this.#max_bytes = max_bytes;
    this.#send = send;
  }

  /** An answer that would make the line too long is replaced by an error for its request. */
  answer(id: Id | null, text: string): void {
    const bytes = Buffer.byteLength(text) + 1;
    if (this.#bytes + bytes > this.#max_bytes) text = tooLargeAnswer(id, this.#max_bytes);
    else this.#bytes += bytes;
    this.#parts.push(text);
    this.#missing -= 1;
    if (this.#missing === 0) this.#send(`[${this.#parts.join(',')}]`);
  }
}

export function tooLargeAnswer(id: Id | null, max_bytes: number): string {
  return errorText(id, {
    code: CODES.frame_too_large,
    message: `The answer is longer than ${max_bytes} bytes.`,
    data: { kind: 'usage', hint: 'Ask for less at once.', max_bytes },
  });
}
