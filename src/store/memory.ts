/**
 * A store in memory, for simulated lives: the same rules as on a disk, and a disk that fails when it is told to. Events
 * are kept as texts, so that nothing of a writer's is shared with a reader.
 */
import { RasenError } from '../contract/errors.ts';
import type { Event } from '../contract/event.ts';
import { foldAll } from '../engine/fold.ts';
import {
  assertClaims,
  assertSound,
  assertStands,
  type Damage,
  type Loaded,
  type Standing,
  standingAfter,
  type TaskStore,
} from './store.ts';

interface Kept {
  lines: string[];
  env: Record<string, string>;
  key: string | null;
  at: Standing;
}

export interface MemoryOptions {
  /**
   * Called for each write with its events, before they are kept. What it throws ends the write, as a full disk does; with
   * `kept` the first of them are durable all the same, as when the power fails in between.
   */
  onWrite?: (events: readonly Event[], keep: (kept: number) => void) => void;
}

export class MemoryStore implements TaskStore {
  readonly damage: readonly Damage[] = [];
  readonly #tasks = new Map<string, Kept>();
  readonly #listeners = new Set<(id: string) => void>();
  readonly #onWrite: NonNullable<MemoryOptions['onWrite']>;

  constructor({ onWrite = () => {} }: MemoryOptions = {}) {
    this.#onWrite = onWrite;
  }

  list(): string[] {
    return [...this.#tasks.keys()].sort();
  }

  taskOfKey(key: string): string | null {
    for (const [id, kept] of this.#tasks) if (kept.key === key) return id;
    return null;
  }

  submit(id: string, events: Event[], env: Record<string, string>): Loaded {
    if (this.#tasks.has(id)) throw new RasenError('task_exists', `task ${id} is there already`);
    assertSound(id, events);
    const state = foldAll(events);
    this.#onWrite(events, () => {});
    const at = standingAfter(null, events);
    this.#tasks.set(id, { lines: events.map(encode), env: { ...env }, key: state.spec.key, at });
    return { state, at };
  }

  load(id: string): Loaded | null {
    const kept = this.#tasks.get(id);
    return kept ? { state: foldAll(this.events(id)), at: { ...kept.at } } : null;
  }

  events(id: string, after = 0): Event[] {
    return this.#of(id)
      .lines.slice(after)
      .map(line => JSON.parse(line) as Event);
  }

  env(id: string): Record<string, string> {
    return { ...this.#of(id).env };
  }

  async claim(id: string, at: Standing, events: Event[]): Promise<Standing> {
    assertClaims(id, at, events);
    return await this.commit(id, at, events);
  }

  async commit(id: string, at: Standing, events: Event[]): Promise<Standing> {
    return this.write(id, at, events);
  }

  /** `commit` of a world in which everything happens at once. */
  write(id: string, at: Standing, events: readonly Event[]): Standing {
    const kept = this.#of(id);
    assertStands(id, kept.at, at);
    assertSound(id, events);
    const keep = (some: readonly Event[]) => {
      if (some.length === 0) return;
      kept.lines.push(...some.map(encode));
      kept.at = standingAfter(kept.at, some);
    };
    this.#onWrite(events, count => keep(events.slice(0, count)));
    keep(events);
    return { ...kept.at };
  }

  renew(id: string, at: Standing): void {
    assertStands(id, this.#of(id).at, at);
  }

  release(): void {
    // Whoever claims next need not wait.
  }

  signal(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }

  onSignal(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async snapshot(): Promise<void> {
    // Nothing is quicker than what is in memory.
  }

  rest(): void {}

  remove(id: string): void {
    this.#tasks.delete(id);
  }

  gone(): string | null {
    return null;
  }

  close(): void {}

  #of(id: string): Kept {
    const kept = this.#tasks.get(id);
    if (!kept) throw new RasenError('damaged', `task ${id} is gone`);
    return kept;
  }
}

const encode = (event: Event): string => JSON.stringify(event);
