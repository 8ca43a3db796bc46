/**
 * The time a client has for a line: first_frame_ms for the first one after connecting, frame_ms from the first byte of
 * each later one. Progress inside a line does not extend it, a finished line does. Used by peer.ts only.
 */
import type { Limits } from './limits.ts';

export class FrameClock {
  readonly #limits: Limits;
  readonly #expired: (what: string) => void;
  #timer: NodeJS.Timeout | undefined;
  /** Lines that were complete when the timer was started. */
  #frames = 0;

  constructor(limits: Limits, expired: (what: string) => void) {
    this.#limits = limits;
    this.#expired = expired;
    this.#start(`no complete line within ${limits.first_frame_ms} ms`, limits.first_frame_ms);
  }

  /** To be called after each look at the input. While we do not read, the client's time stands still. */
  observe({ frames, partial, reading }: { frames: number; partial: boolean; reading: boolean }): void {
    const running = this.#timer !== undefined && frames === this.#frames;
    const first = frames === 0;
    if (reading && running && (first || partial)) return;
    this.stop();
    if (!reading || !partial) return;
    this.#frames = frames;
    this.#start(`a line was not complete within ${this.#limits.frame_ms} ms`, this.#limits.frame_ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #start(what: string, ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#expired(what);
    }, ms);
  }
}
