/**
 * The only file that writes to the terminal. stdout is the answer and nothing else; everything said to a person beside
 * it goes to stderr. No meaning is in colour alone. Whatever a text is made of, nothing but colours reaches a terminal as
 * a control: that is seen to here, and not by who makes the text.
 */
import type { Writable } from 'node:stream';
import { SafeStream, safeJson, safeText, withoutControls } from '../util/terminal-text.ts';

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
  /** What to say and do when the reader of stdout has gone away (`| head`); gives the exit status. */
  reader_gone: (() => number) | null = null;
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
    this.print(`${text}\n`);
  }

  /** A part of the answer that has its line ends. */
  print(text: string): void {
    this.stdout.write(safeText(text, COLOURS));
  }

  /** The answer as one line of JSON. */
  value(value: unknown): void {
    this.stdout.write(jsonLine(value));
  }

  /** JSON or text, whichever is wanted. */
  reply(value: unknown, text: () => string): void {
    if (this.json) this.value(value);
    else this.answer(text());
  }

  /** One line of JSON of many. Waits while the reader is behind, so that nothing piles up here. */
  valueInTurn(value: unknown): Promise<void> | undefined {
    return this.#inTurn(this.stdout, jsonLine(value));
  }

  /** A part of a long answer, with its line ends. Waits likewise. */
  printInTurn(text: string): Promise<void> | undefined {
    return text === '' ? undefined : this.#inTurn(this.stdout, safeText(text, COLOURS));
  }

  /** What a program printed, byte for byte; unless it has to be `raw`, it is made safe for a terminal. */
  passThrough(stream: Stream, { raw = false } = {}): PassThrough {
    if (raw || stream.isTTY !== true)
      return { write: bytes => this.#inTurn(stream, bytes), end: () => undefined };
    const safe = new SafeStream();
    return {
      write: bytes => this.#inTurn(stream, safe.push(bytes)),
      end: () => this.#inTurn(stream, safe.end()),
    };
  }

  /** Bytes as they are, whatever they do to a terminal. Waits likewise. */
  raw(bytes: Uint8Array | string): Promise<void> | undefined {
    return this.#inTurn(this.stdout, bytes);
  }

  #inTurn(stream: Stream, bytes: Uint8Array | string): Promise<void> | undefined {
    if (bytes.length === 0 || stream.write(bytes)) return undefined;
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
    this.say(`rasen: ${text}\n`);
  }

  /** Text for the person, with its line ends. */
  say(text: string): void {
    this.stderr.write(safeText(text, COLOURS));
  }

  /** Whether what `stream` shows may be redrawn in place. */
  live(stream: Stream): boolean {
    return stream.isTTY === true && !this.#dumb;
  }

  bold(text: string): string {
    return this.stdout.isTTY && !this.#plain ? `\x1b[1m${text}\x1b[22m` : text;
  }
}

export interface PassThrough {
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** What waited for more. */
  end(): Promise<void> | undefined;
}

const COLOURS = { colours: true };

const jsonLine = (value: unknown) => `${safeJson(JSON.stringify(value))}\n`;

/** One line for a place in a text: control characters and their like become spaces. */
export function oneLine(text: string, chars_max = 200): string {
  const first = text.trim().split(/[\r\n]/, 1)[0]!;
  const line = withoutControls(first.replaceAll(/[\x00-\x1f\x7f-\x9f]+/g, ' '), ' ');
  return line.length > chars_max ? `${line.slice(0, chars_max - 1)}…` : line;
}
