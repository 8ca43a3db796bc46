/**
 * Gives memory back after a crowd. The engine collects garbage when memory is asked for, and a supervisor at rest asks
 * for none: what a storm of a minute had taken would stay for weeks. So it is collected once it is quiet again. The
 * allocator of glibc below it keeps pages that are free as well; `bin/rasend` tells it not to, which only its environment can.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export interface TrimOptions {
  /** How often is looked. */
  every_ms: number;
  /** Below this nothing is done: about what a supervisor at rest needs. */
  from_bytes: number;
  /** Share of one processor, over the time between two looks, up to which it counts as quiet. */
  quiet: number;
}

const TRIM: TrimOptions = { every_ms: 2500, from_bytes: 105 * 1024 * 1024, quiet: 0.1 };
/** The first collection finds what is dead, the next ones give its pages back. */
const ROUNDS = 3;

/** Takes what `bin/rasend` has told the allocator of this process out of an environment that children get. */
export function forgetAllocator(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(env)) if (name.startsWith('MALLOC_')) delete env[name];
}

/** Looks until it is closed. */
export function trimWhenQuiet(options: TrimOptions = TRIM): () => void {
  let cpu = process.cpuUsage();
  let at = performance.now();
  let rounds = 0;
  /** What was left after the last collection: as much again has to come before the next. */
  let floor = 0;
  const timer = setInterval(() => {
    const used = process.cpuUsage(cpu);
    const share = (used.user + used.system) / 1000 / (performance.now() - at);
    cpu = process.cpuUsage();
    at = performance.now();
    const rss = process.memoryUsage.rss();
    if (rss < options.from_bytes) rounds = 0;
    if (share > options.quiet || rss < Math.max(options.from_bytes, floor)) return;
    collect();
    rounds++;
    if (rounds < ROUNDS) return;
    rounds = 0;
    floor = process.memoryUsage.rss() * 1.2;
  }, options.every_ms).unref();
  return () => clearInterval(timer);
}

/** Undefined until it is first needed: to have it, the engine must be told. */
let gc: (() => void) | undefined;

function collect(): void {
  if (!gc) {
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as () => void;
  }
  gc();
}
