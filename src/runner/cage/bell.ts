/**
 * How a unit that has ended tells the supervisor at once: record-exit.sh makes a file in one folder, which is watched. A
 * hint only, like the exit of a child; who misses it finds the end when looking.
 */
import { type FSWatcher, mkdirSync, readdirSync, rmSync, watch } from 'node:fs';
import { join } from 'node:path';

export class Bell {
  readonly #folder: string;
  readonly #expected = new Map<string, () => void>();
  #watcher: FSWatcher | null = null;

  /** @param folder private, of this instance; what lies in it may be removed. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  path(unit: string): string {
    return join(this.#folder, unit);
  }

  /** Calls `rung` once, when the unit has ended. */
  expect(unit: string, rung: () => void): void {
    this.#open();
    this.#expected.set(unit, rung);
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = null;
    this.#expected.clear();
  }

  #open(): void {
    if (this.#watcher) return;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    // Rings of an earlier supervisor's units: this one looks at them in turns.
    for (const name of readdirSync(this.#folder)) rmSync(join(this.#folder, name), { force: true });
    try {
      this.#watcher = watch(this.#folder, { persistent: false }, (_event, name) => {
        if (name !== null) this.#heard(name);
      });
      this.#watcher.on('error', () => {
        this.#watcher?.close();
        this.#watcher = null;
      });
    } catch {
      // No watches left (fs.inotify.max_user_watches): ends are found by looking.
    }
  }

  #heard(unit: string): void {
    rmSync(this.path(unit), { force: true });
    const rung = this.#expected.get(unit);
    this.#expected.delete(unit);
    rung?.();
  }
}
