/**
 * What the runner's side must know of the operating system, as one small interface: who runs, since when, and with
 * which marker. One file per system; this-host.ts chooses.
 */

export interface ProcessRow {
  pid: number;
  ppid: number;
  /** What members of an attempt inherit and cannot join from outside: the session (Linux), the group (macOS). */
  group: number;
  /** When it started; with pid and boot id it names a process for ever. */
  start: string;
  zombie: boolean;
  /** By SIGSTOP. */
  stopped: boolean;
}

export interface Host {
  /** Id of this boot. */
  bootId(): string;
  /** One process, or null when there is none; zombies included. */
  row(pid: number): ProcessRow | null;
  /** All processes that can be seen, zombies included. */
  table(): ProcessRow[];
  /** RASEN_ATTEMPT in the environment of each of these processes, where it is set and may be read. */
  markers(pids: readonly number[]): Map<number, string>;
  /**
   * The folder of its attempt as it was, of each of these processes that is a runner and whose folder was removed, and not
   * moved away; not of those that a unit began with. Empty where the system cannot tell.
   */
  lostRunners(pids: readonly number[]): Map<number, string>;
  /** Start times in order: negative when `a` is earlier. */
  compareStarts(a: string, b: string): number;
  /** The newest start time that a process can have had at this moment of the runner's clock, or null. */
  startOfUptime(up: string): string | null;
}

export const MARKER_NAME = 'RASEN_ATTEMPT';
