/**
 * The mark that every process of an attempt carries and none can take off: the hard limit of its resident memory, which
 * Linux has kept, inherited and ignored since 2.4.30. It outlives what a process can do away with by itself (its
 * environment, its session, its parent), and only the superuser can raise it again; lowering it leaves a trace as well.
 * The number is far above any memory, so nothing is limited by it, and says which task it is.
 */

import { readFileSync } from 'node:fs';
import { throwTrouble } from './trouble.ts';

/** In KiB, as `ulimit -m` takes it; marks are between this and twice this. */
export const BASE = 2n ** 52n;

/** Whether this process belongs to an attempt, whatever became of its environment. */
export function isMarked(): boolean {
  const limit = hardLimitOf('self');
  return limit !== null && limit >= BASE;
}

/**
 * The hard limit of a process in KiB; null: it has none, or this system does not show it. Anybody may read it, also of a
 * process that hides its environment.
 */
export function hardLimitOf(pid: number | 'self'): bigint | null {
  try {
    const text = readFileSync(`/proc/${pid}/limits`, 'latin1');
    const bytes = /^Max resident set +\S+ +(\d+) /m.exec(text)?.[1];
    return bytes === undefined ? null : BigInt(bytes) / 1024n;
  } catch (error) {
    throwTrouble(error);
    return null;
  }
}
