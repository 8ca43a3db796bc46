/** Cuts the bytes of an output into lines, with a bound on what is held: what is longer than a line may be is dropped. */

/** Longest line; a tool's result with a picture in it is shorter. */
export const MAX_LINE_BYTES = 4 * 1024 * 1024;

const NEWLINE = 0x0a;

export class OutputLines {
  /** Lines that were too long. */
  dropped = 0;
  readonly #onLine: (line: string) => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  #dropping = false;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#add(chunk.subarray(from, at));
      this.#flush();
      from = at + 1;
    }
    this.#add(chunk.subarray(from));
  }

  /** The last line may lack its end: its writer was killed. */
  end(): void {
    this.#flush();
  }

  #add(part: Buffer): void {
    if (this.#dropping || part.length === 0) return;
    this.#bytes += part.length;
    if (this.#bytes <= MAX_LINE_BYTES) {
      this.#parts.push(part);
      return;
    }
    this.#dropping = true;
    this.#parts = [];
  }

  #flush(): void {
    if (this.#dropping) this.dropped++;
    else if (this.#bytes > 0) this.#onLine(Buffer.concat(this.#parts).toString('utf8'));
    this.#parts = [];
    this.#bytes = 0;
    this.#dropping = false;
  }
}
