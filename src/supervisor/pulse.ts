/**
 * Whether a silent program does something, by its use of the processor. Programs idle noisily (a terminal interface at
 * rest uses some two percent of a processor), so use counts against the least that the same program was seen to use, and
 * not against a constant. Pure.
 */

/** Of 10 ms. Fewer between two looks is nothing, whatever the program. */
const TICKS_MIN = 10;
/** How many times its own idling a program uses when it does something. */
const IDLE_FACTOR = 2;
/** Ticks a second. More than that is no idling, however steady it is. */
const IDLE_RATE_MAX = 3;

export class Pulse {
  #ticks: number | null = null;
  #at_ms = 0;
  /** Ticks a second, the least of all looks. */
  #idle = IDLE_RATE_MAX;

  /** `ticks`: by all processes of the program so far; fewer than before where some have ended. null: not known. */
  beats(ticks: number | null, now_ms: number): boolean {
    const before = this.#ticks;
    const seconds = (now_ms - this.#at_ms) / 1000;
    this.#ticks = ticks;
    this.#at_ms = now_ms;
    if (ticks === null || before === null || seconds <= 0) return false;
    const used = Math.abs(ticks - before);
    this.#idle = Math.min(this.#idle, used / seconds);
    return used >= TICKS_MIN && used / seconds > this.#idle * IDLE_FACTOR;
  }
}
