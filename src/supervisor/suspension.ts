/**
 * A suspension: what runs ends, in good order and without a penalty, and nothing starts, because the service is about to
 * be stopped. Used by the supervisor for `daemon.suspend`. It is taken back when nobody ends the process soon.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.ts';
import type { Reconciler } from './reconcile.ts';

/** How long tasks stay suspended without the end of the supervisor that was announced. */
const UNUSED_MS_MAX = 120_000;
const POLL_MS = 50;

export interface SuspensionOptions {
  reconciler: Reconciler;
  /** Attempts and gates that are alive. */
  jobs(): number;
  log: Log;
}

export class Suspension {
  readonly #options: SuspensionOptions;
  #unused: NodeJS.Timeout | undefined;

  constructor(options: SuspensionOptions) {
    this.#options = options;
  }

  /** Answers when nothing lives any more, or when the asker has gone away. */
  async begin(signal: AbortSignal): Promise<{ stopped: number }> {
    const { reconciler, jobs, log } = this.#options;
    const stopped = jobs();
    log.info({ jobs: stopped }, 'suspended: attempts are stopped to go on at the next start');
    reconciler.suspend(true);
    this.close();
    while ((jobs() > 0 || reconciler.busy) && !signal.aborted) await sleep(POLL_MS);
    // Another one may have begun and waited meanwhile: the last to be done counts.
    this.close();
    this.#unused = setTimeout(() => {
      log.warn({}, 'nobody stopped the supervisor: tasks go on');
      reconciler.suspend(false);
    }, UNUSED_MS_MAX).unref();
    return { stopped };
  }

  close(): void {
    clearTimeout(this.#unused);
  }
}
