/**
 * Feeds the service manager's watchdog for as long as rasend is really able to work: its event loop turns, and libuv's
 * thread pool, through which all its files go, takes work and gives it back. When one of them does not, nothing is said
 * and the service manager ends the process; attempts live on and the next supervisor adopts them.
 */
import { randomBytes } from 'node:crypto';

export interface WatchdogOptions {
  /** Silence for this long is the end. */
  limit_ms: number;
  ping(): void;
  /** For tests: resolves when the thread pool has done a piece of work. */
  roundTrip?: () => Promise<void>;
}

/** Two of three pings may be late. */
const PINGS_PER_LIMIT = 3;

/** Pings until the returned function is called. */
export function feedWatchdog({ limit_ms, ping, roundTrip = poolRoundTrip }: WatchdogOptions): () => void {
  let waiting = false;
  let over = false;
  const timer = setInterval(() => {
    // The one before has not come back: no second one, which would only queue up behind it.
    if (waiting) return;
    waiting = true;
    roundTrip().then(
      () => {
        waiting = false;
        if (!over) ping();
      },
      () => {
        waiting = false;
      },
    );
  }, limit_ms / PINGS_PER_LIMIT);
  return () => {
    over = true;
    clearInterval(timer);
  };
}

/** Random numbers are made in the thread pool and need no disk, which may be slow without anything being wrong here. */
function poolRoundTrip(): Promise<void> {
  return new Promise((resolve, reject) => {
    randomBytes(1, error => (error ? reject(error) : resolve()));
  });
}
