/**
 * What one connection has to send: writes lines, gives its streams their turns, and notices a reader that has stopped.
 * Holds no queue of its own; the socket's is bounded because peer.ts stops reading, and because one stream at a time
 * reads what it sends next: sixty that were let go on together would all fill it at once.
 */
import type { Limits } from './limits.ts';
import type { Wire } from './wire.ts';

/** A stall is noticed between stall_ms and stall_ms * (1 + 1 / LOOKS). */
const LOOKS = 4;

export class Outbox {
  readonly #wire: Wire;
  readonly #limits: Limits;
  readonly #stalled: () => void;
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;
  #last = { unsent: 0, queued: 0 };
  /** Streams that wait for their turn, and whether one has it. */
  #waiting: (() => void)[] = [];
  #taken = false;
  #yielding = false;
  #since_yield = 0;

  constructor(wire: Wire, limits: Limits, stalled: () => void) {
    this.#wire = wire;
    this.#limits = limits;
    this.#stalled = stalled;
  }

  get unsent(): number {
    return this.#wire.unsent;
  }

  /** More than `bytes` are unsent and `drained` is going to come; the socket's own buffer is below any sense of it. */
  over(bytes: number): boolean {
    return this.#timer !== undefined && this.#wire.unsent > bytes;
  }

  /** `text` is one message without its newline. */
  send(text: string): void {
    this.#since_yield += text.length;
    if (!this.#wire.write(text + '\n')) this.#watch();
  }

  /** The reader is behind: a stream should hold nothing meanwhile that it can read again. */
  get behind(): boolean {
    return this.over(this.#limits.stream_unsent_bytes);
  }

  /** Calls `ready`, maybe at once, when it is a stream's turn and its reader keeps up. The turn lasts until leave(). */
  enter(ready: () => void): void {
    this.#waiting.push(ready);
    this.#next();
  }

  leave(): void {
    this.#taken = false;
    this.#next();
  }

  drained(): void {
    this.#unwatch();
    this.#since_yield = 0;
    this.#next();
  }

  #next(): void {
    if (this.#taken || this.#yielding || this.#waiting.length === 0 || this.behind) return;
    // A fast reader never makes write() return false; without this a stream would starve every other connection.
    if (this.#since_yield >= this.#limits.stream_yield_bytes) {
      this.#since_yield = 0;
      this.#yielding = true;
      setImmediate(() => {
        this.#yielding = false;
        this.#next();
      });
      return;
    }
    this.#taken = true;
    this.#waiting.shift()!();
  }

  close(): void {
    this.#unwatch();
    this.#waiting = [];
  }

  #watch(): void {
    if (this.#timer) return;
    this.#looks = 0;
    this.#last = { unsent: this.#wire.unsent, queued: this.#wire.queued };
    this.#timer = setInterval(() => this.#look(), this.#limits.stall_ms / LOOKS);
  }

  #look(): void {
    const now = { unsent: this.#wire.unsent, queued: this.#wire.queued };
    const progress = now.unsent < this.#last.unsent || now.queued !== this.#last.queued;
    this.#last = now;
    this.#looks = progress ? 0 : this.#looks + 1;
    if (this.#looks >= LOOKS) {
      this.#unwatch();
      this.#stalled();
    }
  }

  #unwatch(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
