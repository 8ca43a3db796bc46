/** One heap of times and one timer, whatever the number of those that wait. */
import { Heap } from '../../util/heap.ts';

/** setTimeout cannot wait longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class Alarm {
  readonly #heap = new Heap<string>();
  readonly #rings: (key: string) => void;
  #timer: NodeJS.Timeout | null = null;
  #timer_at = 0;

  /** `rings`: called for each of those whose time has come, once. */
  constructor(rings: (key: string) => void) {
    this.#rings = rings;
  }

  /** null: it waits for no time any more. */
  set(key: string, at: number | null): void {
    this.#heap.set(key, at);
    this.#rearm();
  }

  close(): void {
    if (this.#timer) clearTimeout(this.#timer);
  }

  #rearm(): void {
    const first = this.#heap.first;
    if (!first) return;
    if (this.#timer && this.#timer_at <= first.at && this.#timer_at > Date.now()) return;
    if (this.#timer) clearTimeout(this.#timer);
    const ms = Math.min(Math.max(0, first.at - Date.now()), MAX_TIMER_MS);
    this.#timer_at = first.at;
    this.#timer = setTimeout(() => this.#due(), ms);
  }

  #due(): void {
    this.#timer = null;
    const now = Date.now();
    for (let first = this.#heap.first; first && first.at <= now; first = this.#heap.first) {
      this.#heap.set(first.key, null);
      this.#rings(first.key);
    }
    this.#rearm();
  }
}
