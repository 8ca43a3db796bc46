/** What a machine that has too much to do may take, where it is a bound that is tested and not the machine. */
import { availableParallelism, loadavg } from 'node:os';

/** A bound in ms for a machine at rest, in proportion to how many wait for each processor of this one. */
export const onThisMachine = (ms: number): number =>
  ms * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());
