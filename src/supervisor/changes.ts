/** Wakes who follows tasks when they have new events; nothing is kept but how often that was. */
import type { Listener, Registry } from './registry.ts';

export class Changes {
  count = 0;
  #wake: (() => void) | null = null;
  readonly #stop: () => void;

  /** `concerns`: whether the follower wants to know of it. */
  constructor(registry: Registry, concerns: (...change: Parameters<Listener>) => boolean) {
    this.#stop = registry.listen((...change) => {
      if (!concerns(...change)) return;
      this.count++;
      this.#wake?.();
    });
  }

  /** Resolves at a change, after `ms` (null: never by time), or when the signal is raised. */
  wait(ms: number | null, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        if (timer) clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#wake = null;
        resolve();
      };
      if (signal.aborted) return resolve();
      const timer = ms === null ? null : setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      this.#wake = done;
    });
  }

  close(): void {
    this.#stop();
  }
}
