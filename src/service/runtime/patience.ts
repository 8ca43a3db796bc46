/** Asks the service manager for more time while a start or an end takes long, so that it does not kill what works. */

export interface PatienceOptions {
  extend(ms: number): void;
  /** For how long in all; what hangs for longer may be killed. */
  max_ms?: number;
}

/** Well below systemd's usual limits of 30 and 90 s, so that the first one is never too late. */
const EVERY_MS = 5000;
const ASKED_MS = 20_000;
const MAX_MS = 10 * 60_000;

/** Asks until the returned function is called. */
export function askPatience({ extend, max_ms = MAX_MS }: PatienceOptions): () => void {
  let left = max_ms / EVERY_MS;
  const timer = setInterval(() => {
    if (left-- <= 0) clearInterval(timer);
    else extend(ASKED_MS);
  }, EVERY_MS);
  return () => clearInterval(timer);
}
