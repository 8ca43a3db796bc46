/** The clocks of this host, and the watch for jumps of the wall clock against the monotonic one (sleep, or somebody set it). */
import { uptime } from 'node:os';
import { type Clock, JUMP_MS } from '../engine/clock.ts';
import { bootId } from '../runner/identity.ts';

/** How soon a jump is seen while nothing else happens. */
const LOOK_MS = 5000;
/** Two clocks are read one after the other; a process that was stopped in between has to read them again. */
const READ_MS_MAX = 100;
const READS_MAX = 10;

/** Milliseconds of the host's monotonic clock since boot; the time in which it slept is not counted. */
export const monotonicMs = (): number => Math.round(Number(process.hrtime.bigint() / 1_000_000n));

export const systemClock: Clock = () => {
  const { wall, mono } = readBoth();
  // The uptime goes on in sleep. It is known to a second on macOS.
  const slept = Math.round(uptime() * 1000) - mono;
  return { t: new Date(wall).toISOString(), mono, ...(slept >= JUMP_MS ? { slept } : {}), boot: bootId() };
};

function readBoth(): { wall: number; mono: number } {
  for (let read = 1; ; read++) {
    const mono = monotonicMs();
    const wall = Date.now();
    if (monotonicMs() - mono < READ_MS_MAX || read === READS_MAX) return { wall, mono };
  }
}

/** Calls `jumped` with the size of each jump, until it is closed. */
export function watchClock(jumped: (ms: number) => void): () => void {
  const look = () => {
    const { wall, mono } = readBoth();
    return wall - mono;
  };
  let offset = look();
  const timer = setInterval(() => {
    const now = look();
    const ms = now - offset;
    if (Math.abs(ms) < JUMP_MS) return;
    offset = now;
    jumped(ms);
  }, LOOK_MS).unref();
  return () => clearInterval(timer);
}
