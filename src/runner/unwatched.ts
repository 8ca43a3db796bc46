/**
 * Ends what is left running of tasks whose files are gone. Nobody can take such an attempt over: its runner has no place
 * for a record, and who asks for the task is told that it cannot be used. Found by the runner, whose command line has its
 * folder, and by the marker of the attempt.
 */
import { sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { signal } from './cage/group.ts';
import { KILL_MS_MAX, STOP_POLL_MS_MAX } from './limits.ts';
import { isMonitor } from './monitor.ts';
import type { ProcessRow } from './platform/host.ts';
import { host } from './platform/this-host.ts';

export interface Unwatched {
  /** The folder with those of the tasks. Runners in it that lost theirs are looked at; null: only what `tasks` names. */
  folder: string | null;
  /** Of a task that a runner in the folder works for: nobody watches it. */
  isLost(task: string): boolean;
  /** Tasks that nobody watches, whether or not they have a runner. */
  tasks: readonly string[];
  /** From SIGTERM to SIGKILL, in ms. */
  grace_ms: number;
}

/** Resolves with how many processes of each task there were, when none is left or SIGKILL does not end them. */
export async function endUnwatched(options: Unwatched): Promise<Map<string, number>> {
  const seen = new Map<string, Set<number>>();
  const told = new Set<string>();
  const begun = performance.now();
  for (;;) {
    const found = find(options);
    const rows = [...found.values()].flat();
    const waited = performance.now() - begun;
    if (rows.length === 0 || waited > options.grace_ms + KILL_MS_MAX)
      return new Map([...seen].map(([task, pids]) => [task, pids.size]));
    for (const [task, members] of found) {
      const pids = seen.get(task) ?? new Set();
      seen.set(task, pids);
      for (const { pid } of members) pids.add(pid);
    }
    for (const row of rows) {
      if (waited >= options.grace_ms) signal(row, 'SIGKILL');
      // A monitor would leave what is in its sandbox, and end for it.
      else if (!told.has(`${row.pid} ${row.start}`) && !isMonitor(row.pid)) {
        told.add(`${row.pid} ${row.start}`);
        signal(row, 'SIGTERM');
        signal(row, 'SIGCONT');
      }
    }
    await sleep(STOP_POLL_MS_MAX);
  }
}

/** Living processes by task: those that carry its marker, and the sessions of its runners. */
function find({ folder, isLost, tasks }: Unwatched): Map<string, ProcessRow[]> {
  const table = host.table().filter(row => row.pid !== process.pid && !row.zombie);
  const pids = table.map(row => row.pid);
  const sessions = new Map<number, string>();
  if (folder !== null)
    for (const [pid, place] of host.lostRunners(pids)) {
      if (!place.startsWith(folder + sep)) continue;
      const task = place.slice(folder.length + 1).split(sep)[0]!;
      if (isLost(task)) sessions.set(pid, task);
    }
  const lost = new Set([...tasks, ...sessions.values()]);
  if (lost.size === 0) return new Map();
  const markers = host.markers(pids);
  const found = new Map<string, ProcessRow[]>();
  for (const row of table) {
    const task = sessions.get(row.group) ?? markers.get(row.pid)?.split('/')[0];
    if (task === undefined || !lost.has(task)) continue;
    found.set(task, [...(found.get(task) ?? []), row]);
  }
  return found;
}
