/** The events of one task as a follower goes through them: read from memory or disk, and only held while it goes on at once. */
import type { Event } from '../contract/event.ts';
import type { Entry, Registry } from './registry.ts';

export class History {
  readonly #registry: Registry;
  readonly #entry: Entry;
  #events: readonly Event[] = [];

  constructor(registry: Registry, entry: Entry) {
    this.#registry = registry;
    this.#entry = entry;
  }

  /** Events after `seq`, in order, from the first one on; maybe not the last ones yet, but none is no more. */
  after(seq: number): readonly Event[] {
    const first = this.#events[0]?.seq ?? Number.POSITIVE_INFINITY;
    const last = this.#events.at(-1)?.seq ?? 0;
    if (first > seq + 1 || last <= seq) this.#events = this.#registry.eventsAfter(this.#entry, seq);
    // Numbers are dense.
    return this.#events.slice(Math.max(0, seq + 1 - (this.#events[0]?.seq ?? 0)));
  }

  forget(): void {
    this.#events = [];
  }
}
