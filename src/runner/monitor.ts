/**
 * Processes of a sandbox itself: bwrap stays as the parent of what runs in it, and once more within, as the first process
 * of its table. Neither hands a signal on. Where there is no such process, the program of the sandbox is the command.
 */
import { readFileSync } from 'node:fs';
import type { ProcessRow } from './platform/host.ts';
import { host } from './platform/this-host.ts';

/** The program between a sandbox and the hosts that it may reach, on both sides of it. */
export const FENCE_NAME = 'rasen-fence';
const MONITORS = ['bwrap', FENCE_NAME];

export function isMonitor(pid: number): boolean {
  try {
    return MONITORS.includes(readFileSync(`/proc/${pid}/comm`, 'latin1').trim());
  } catch {
    return false;
  }
}

/**
 * For what was started as `pid`: the command, which can be asked to end, null where it is not there yet or not any more; and
 * the processes around it, outermost first. With the innermost of them all that is in the sandbox goes.
 */
export function insideOf(pid: number): { command: number | null; monitors: number[] } {
  const monitors: number[] = [];
  const children = isMonitor(pid)
    ? Map.groupBy(host.table(), row => row.ppid)
    : new Map<number, ProcessRow[]>();
  for (let at: number | undefined = pid; at !== undefined; at = oldest(children.get(at) ?? [])?.pid) {
    if (!isMonitor(at)) return { command: at, monitors };
    monitors.push(at);
  }
  return { command: null, monitors };
}

/** The first process of a table has those for children, too, whose parents have ended. */
function oldest(rows: readonly ProcessRow[]): ProcessRow | null {
  const living = rows.filter(row => !row.zombie);
  return living.reduce<ProcessRow | null>(
    (found, row) => (found === null || host.compareStarts(row.start, found.start) < 0 ? row : found),
    null,
  );
}
