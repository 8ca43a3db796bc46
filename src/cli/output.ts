/**
 * The only file that writes to the terminal. stdout is the answer and nothing else; everything said to a person beside
 * it goes to stderr. No meaning is in colour alone.
 */
import type { Writable } from 'node:stream';

export interface Stream extends Writable {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}

export interface OutputOptions {
  /** Asked for when they are first used: opening a stream of the process costs a millisecond. */
  stdout(): Stream;
  stderr(): Stream;
  env: NodeJS.ProcessEnv;
  json: boolean;
}

export class Output {
  readonly #open: Pick<OutputOptions, 'stdout' | 'stderr'>;
  #stdout: Stream | undefined;
  #stderr: Stream | undefined;
  /** The answer is wanted as JSON. */
  readonly json: boolean;
  readonly #plain: boolean;
  readonly #dumb: boolean;

  constructor({ stdout, stderr, env, json }: OutputOptions) {
    this.#open = { stdout, stderr };
    this.json = json;
    this.#dumb = env.TERM === 'dumb';
    this.#plain = Boolean(env.NO_COLOR) || this.#dumb;
  }

  get stdout(): Stream {
    this.#stdout ??= this.#open.stdout();
    return this.#stdout;
  }

  get stderr(): Stream {
    this.#stderr ??= this.#open.stderr();
    return this.#stderr;
  }

  /** One text of the answer; a newline is added. */
  answer(text: string): void {
    this.stdout.write(`${text}\n`);
  }

  /** The answer as one line of JSON. */
  value(value: unknown): void {
    this.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** JSON or text, whichever is wanted. */
  reply(value: unknown, text: () => string): void {
    if (this.json) this.value(value);
    else this.answer(text());
  }

  /** Bytes as they are. Waits while the reader is behind, so that nothing piles up here. */
  bytes(stream: Stream, bytes: Uint8Array | string): Promise<void> | undefined {
    if (stream.write(bytes)) return undefined;
    return new Promise(resolve => {
      const done = () => {
        stream.off('drain', done);
        stream.off('close', done);
        resolve();
      };
      stream.on('drain', done);
      stream.on('close', done);
    });
  }

  /** A sentence for the person, on stderr. */
  note(text: string): void {
    this.stderr.write(`rasen: ${text}\n`);
  }

  /** Whether what `stream` shows may be redrawn in place. */
  live(stream: Stream): boolean {
    return stream.isTTY === true && !this.#dumb;
  }

  bold(text: string): string {
    return this.stdout.isTTY && !this.#plain ? `\x1b[1m${text}\x1b[22m` : text;
  }
}

/** One line that is safe to show: control characters, which a terminal would obey, become spaces. */
export function oneLine(text: string, chars_max = 200): string {
  const line = text
    .trim()
    .split(/[\r\n]/, 1)[0]!
    .replaceAll(/[\x00-\x1f\x7f-\x9f]+/g, ' ');
  return line.length > chars_max ? `${line.slice(0, chars_max - 1)}…` : line;
}
