/**
 * Upkeep of what is over: packs each task into one file some time after its end, and removes the oldest by age and by
 * size. One task after the other, with pauses: nobody waits for it.
 */
import { isRasenError, messageOf } from '../contract/errors.ts';
import type { Log } from '../log.ts';
import { HELD, type LocalStore } from '../store/store.ts';
import { remove } from './gc.ts';
import type { Places } from './places.ts';
import type { Entry, Registry } from './registry.ts';
import type { Settings } from './settings.ts';

/** Between two looks. */
const LOOK_MS = 2000;
/** Between two tasks: the disk is free for others meanwhile. */
const PAUSE_MS = 10;
/** Between two removals by age and size; the first comes some looks after the start. */
const GC_EVERY_MS = 3_600_000;
const GC_FIRST_MS = 30_000;
/** What could not be packed for want of space or the like is tried again after this. */
const AGAIN_MS = 600_000;

type Limits = Pick<Settings, 'pack_after_seconds' | 'gc_after_seconds' | 'gc_size_bytes'>;

export interface UpkeepOptions {
  registry: Registry;
  store: LocalStore;
  places: Places;
  /** May change meanwhile. */
  settings: Readonly<Limits>;
  log: Log;
  /** When the first removal by age and size comes, in ms. */
  gc_first_ms?: number;
}

export interface Stored {
  /** Tasks that are over, and how many of them are packed. */
  tasks: number;
  packed: number;
  /** On the disk; null: not all of them were measured yet. */
  bytes: number | null;
}

export class Upkeep {
  readonly #options: UpkeepOptions;
  /** Since when a task is seen to be over, on a clock that nobody sets. */
  readonly #over = new Map<string, number>();
  /** Why a task stays a folder. */
  readonly #unpackable = new Map<string, string>();
  readonly #again = new Map<string, number>();
  readonly #bytes = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #gc_at: number;
  #work: Promise<void> | null = null;
  #closed = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#gc_at = performance.now() + (options.gc_first_ms ?? GC_FIRST_MS);
    this.#timer = setInterval(() => void this.look(), LOOK_MS).unref();
  }

  /** Resolves when the task at hand is done with. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#work;
  }

  stored(): Stored {
    const { store } = this.#options;
    const over = this.#rested();
    const measured = over.filter(({ id }) => this.#bytes.has(id));
    return {
      tasks: over.length,
      packed: over.filter(({ id }) => store.isPacked(id)).length,
      bytes: measured.length < over.length ? null : this.#sum(measured),
    };
  }

  /** Tasks that stay folders, and why. */
  unpackable(): ReadonlyMap<string, string> {
    return this.#unpackable;
  }

  /** Looks at everything that is over; resolves when it has been. */
  look(): Promise<void> {
    this.#work ??= this.#pass()
      .catch(error => this.#options.log.warn({ error }, `upkeep: ${messageOf(error)}`))
      .finally(() => {
        this.#work = null;
      });
    return this.#work;
  }

  async #pass(): Promise<void> {
    const { store } = this.#options;
    const known = new Set<string>();
    for (const entry of this.#rested()) {
      if (this.#closed || store.gone() !== null) return;
      known.add(entry.id);
      if (this.#isDue(entry)) {
        await this.#pack(entry);
        await pause();
      }
      // A folder is measured by a program, and only where it stays one.
      const { id } = entry;
      if (this.#bytes.has(id)) continue;
      if (store.isPacked(id) || this.#unpackable.has(id)) this.#bytes.set(id, await store.bytes(id));
    }
    for (const map of [this.#over, this.#unpackable, this.#again, this.#bytes])
      for (const id of map.keys()) if (!known.has(id)) map.delete(id);
    if (performance.now() >= this.#gc_at) {
      await this.#removeOld();
      this.#gc_at = performance.now() + GC_EVERY_MS;
    }
  }

  #sum(entries: Entry[]): number {
    return entries.reduce((sum, { id }) => sum + (this.#bytes.get(id) ?? 0), 0);
  }

  #rested(): Entry[] {
    return [...this.#options.registry.all()].filter(entry => entry.state === null);
  }

  #isDue(entry: Entry): boolean {
    const { store, settings } = this.#options;
    if (store.isPacked(entry.id) || this.#unpackable.has(entry.id)) return false;
    const now = performance.now();
    if (now < (this.#again.get(entry.id) ?? 0)) return false;
    const wait_ms = settings.pack_after_seconds * 1000;
    if (!this.#over.has(entry.id)) {
      // Found over at a start: its time has passed already, as far as the wall clock can say.
      const age_ms = Date.now() - Date.parse(entry.brief!.last_activity);
      this.#over.set(entry.id, now - Math.max(0, age_ms));
    }
    return now - this.#over.get(entry.id)! >= wait_ms;
  }

  async #pack(entry: Entry): Promise<void> {
    const { registry, log } = this.#options;
    const { id } = entry;
    try {
      const reason = await registry.exclusive(entry, () => registry.pack(entry));
      this.#bytes.delete(id);
      if (reason === null) return;
      if (reason === HELD) this.#again.set(id, performance.now() + LOOK_MS);
      else {
        this.#unpackable.set(id, reason);
        log.info({ task: id, reason }, `task ${id} stays a folder: ${reason}`);
      }
    } catch (error) {
      this.#again.set(id, performance.now() + AGAIN_MS);
      if (isRasenError(error) && error.kind === 'damaged') return;
      log.warn({ task: id, error }, `task ${id} could not be packed: ${messageOf(error)}`);
    }
  }

  /** Oldest first, until age and size are within their limits. What was never merged stays, and so does its worktree. */
  async #removeOld(): Promise<void> {
    const { registry, store, places, settings, log } = this.#options;
    const parts = { registry, store, places };
    const { gc_after_seconds, gc_size_bytes } = settings;
    let total = this.#sum(this.#rested());
    let removed = 0;
    let freed = 0;
    for (const entry of this.#rested().sort((a, b) => (endOf(a) < endOf(b) ? -1 : 1))) {
      if (this.#closed || store.gone() !== null) return;
      const old = gc_after_seconds > 0 && Date.now() - Date.parse(endOf(entry)) > gc_after_seconds * 1000;
      const large = gc_size_bytes > 0 && total > gc_size_bytes;
      if (!old && !large) continue;
      const { worktree, merged } = entry.brief!;
      if (worktree !== null && !merged) continue;
      const bytes = this.#bytes.get(entry.id) ?? 0;
      const problem = await remove(parts, entry, false);
      if (problem !== null) {
        log.info({ task: entry.id, reason: problem }, `task ${entry.id} is old and was kept: ${problem}`);
        continue;
      }
      total -= bytes;
      freed += bytes;
      removed++;
      await pause();
    }
    if (removed > 0)
      log.info(
        { removed, freed, gc_after_seconds, gc_size_bytes },
        `${removed} old tasks were removed (${Math.round(freed / 1024)} KiB); gc_after and gc_size say which`,
      );
  }
}

const endOf = (entry: Entry): string => entry.brief!.ended_at ?? entry.brief!.last_activity;

const pause = () => new Promise<void>(resolve => setTimeout(resolve, PAUSE_MS));
