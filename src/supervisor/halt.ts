/**
 * The end of a supervisor that nobody starts again by itself: what runs is ended in good order and every task that would
 * go on by itself is stopped, so that no work is left without an owner. `rasen resume` goes on. Under a service manager
 * there is nothing of this: attempts live on, and the next supervisor takes them over.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isAtRest } from '../contract/status.ts';
import type { Log } from '../log.ts';
import type { Reconciler } from './reconcile.ts';
import type { Entry, Registry } from './registry.ts';

/** The ladder of a stop takes 30 s; then come the cages, and the files of projects. */
const HALT_MS_MAX = 60_000;
const POLL_MS = 25;

export interface HaltOptions {
  registry: Registry;
  reconciler: Reconciler;
  log: Log;
}

export class Halt {
  readonly #options: HaltOptions;
  #asked = 0;
  #done: Promise<void> | null = null;

  constructor(options: HaltOptions) {
    this.#options = options;
  }

  get begun(): boolean {
    return this.#asked > 0;
  }

  /** Resolves when nothing lives any more, or when that takes too long. Asked once more, it kills. */
  begin(): Promise<void> {
    this.#asked++;
    this.#stopAll(this.#asked > 1);
    this.#done ??= this.#settled();
    return this.#done;
  }

  #stopAll(force: boolean): void {
    const { registry, reconciler } = this.#options;
    // Merges are cut short, and nothing starts.
    reconciler.suspend(true);
    for (const entry of registry.all()) void this.#stop(entry, force);
  }

  async #stop(entry: Entry, force: boolean): Promise<void> {
    const { registry, reconciler, log } = this.#options;
    try {
      await registry.exclusive(entry, async () => {
        const { state } = entry;
        if (!state || isAtRest(state.status) || (state.want !== 'run' && (state.force || !force))) return;
        const want = state.want === 'cancel' ? 'cancel' : 'stop';
        await registry.record(entry, [{ type: 'want_changed', want, force, op: null, by: 'shutdown' }]);
      });
      reconciler.kick(entry);
    } catch (error) {
      log.error({ task: entry.id, error }, `task ${entry.id} could not be stopped`);
    }
  }

  async #settled(): Promise<void> {
    const { registry, reconciler, log } = this.#options;
    const busy = () =>
      registry.jobs > 0 ||
      reconciler.busy ||
      [...registry.all()].some(({ state }) => state && !isAtRest(state.status));
    for (const end = performance.now() + HALT_MS_MAX; busy(); await sleep(POLL_MS)) {
      if (performance.now() < end) continue;
      log.error(
        { jobs: registry.jobs },
        'not everything could be stopped; the next supervisor goes on with it',
      );
      return;
    }
  }
}
