/** The clocks, and the watch for jumps of the wall clock against the monotonic one (sleep, or somebody set it). */
import type { Clock } from '../task/advance.ts';

/** A difference this large is a jump; smaller ones are the clock being disciplined. */
export const JUMP_MS = 60_000;
const LOOK_MS = 10_000;

/** Milliseconds of the host's monotonic clock since boot. */
export const monotonicMs = (): number => Math.round(Number(process.hrtime.bigint() / 1_000_000n));

export const systemClock: Clock = () => ({ t: new Date().toISOString(), mono: monotonicMs() });

/** Calls `jumped` with the size of each jump, until it is closed. */
export function watchClock(jumped: (ms: number) => void): () => void {
  let offset = Date.now() - monotonicMs();
  const timer = setInterval(() => {
    const now = Date.now() - monotonicMs();
    const ms = now - offset;
    if (Math.abs(ms) < JUMP_MS) return;
    offset = now;
    jumped(ms);
  }, LOOK_MS).unref();
  return () => clearInterval(timer);
}
