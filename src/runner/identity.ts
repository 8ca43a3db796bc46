/**
 * The identity of a process: boot id, pid and start time. A pid alone is reused, so nothing here or elsewhere in rasen
 * judges or signals a process by its number only.
 */
import { host } from './platform/this-host.ts';

export interface Identity {
  boot: string;
  pid: number;
  /** As the host says it: clock ticks since boot (Linux), a date in UTC (macOS). */
  start: string;
  /** Its v2 control group, where the cage is a unit. */
  cgroup?: string;
}

/** Id of the boot that we are in. */
export function bootId(): string {
  return host.bootId();
}

/** Start time of a living process; null when there is none or only its zombie. */
export function startTimeOf(pid: number): string | null {
  const row = host.row(pid);
  return row && !row.zombie ? row.start : null;
}

/**
 * Whether exactly this runner lives and has stopped itself: it could not write down how its command ended. (Somebody may
 * have stopped it: then its command is there too.)
 */
export function isStopped(identity: Identity): boolean {
  if (identity.boot !== bootId()) return false;
  const row = host.row(identity.pid);
  return row !== null && row.start === identity.start && row.stopped;
}

/** Whether exactly this process lives: the same boot, pid and start time; a zombie is dead. */
export function isAlive(identity: Identity): boolean {
  return identity.boot === bootId() && startTimeOf(identity.pid) === identity.start;
}
