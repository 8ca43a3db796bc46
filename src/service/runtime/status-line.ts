/** The line that `systemctl status` shows of rasend: how many tasks are where, and what is wrong with its settings. */

/** Before what keeps rasend from starting, in its line; whoever asks the service manager tells it from the counts. */
export const CANNOT_START = 'cannot start: ';

export interface TaskCounts {
  running: number;
  waiting: number;
  blocked: number;
}

export interface StatusLineOptions {
  counts(): TaskCounts;
  say(text: string): void;
  /** Least time between two lines; default: a second. */
  min_ms?: number;
}

const MIN_MS = 1000;

export class StatusLine {
  readonly #options: StatusLineOptions;
  #problem: string | null = null;
  #said = '';
  #said_at = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StatusLineOptions) {
    this.#options = options;
  }

  /** Something may have changed. Said at once, or when the last line is old enough; said only if it is another one. */
  update(): void {
    if (this.#timer) return;
    const { min_ms = MIN_MS } = this.#options;
    const wait = this.#said_at + min_ms - performance.now();
    if (wait > 0) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#say();
      }, wait);
    } else this.#say();
  }

  /** A problem that lasts until the next call; null for none. */
  problem(text: string | null): void {
    this.#problem = text;
    this.update();
  }

  #say(): void {
    const { running, waiting, blocked } = this.#options.counts();
    const counts = `${running} running, ${waiting} waiting, ${blocked} blocked`;
    const text = this.#problem === null ? counts : `${counts}; ${this.#problem}`;
    if (text === this.#said) return;
    this.#said = text;
    this.#said_at = performance.now();
    this.#options.say(text);
  }
}
