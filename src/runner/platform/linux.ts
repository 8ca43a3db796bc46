/** The host interface on Linux, from /proc. Called often: one buffer for all reads, and no exception per process. */
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { bootId } from '../../host/boot.ts';
import { throwTrouble } from '../../host/trouble.ts';
import { ENVIRON_BYTES_MAX, LISTINGS_MAX } from '../limits.ts';
import { RUNNER_NAME } from '../order.ts';
import { type Host, MARKER_NAME, type ProcessRow } from './host.ts';

/** Unit of start times in /proc/PID/stat, per second; fixed by the kernel's interface. */
const USER_HZ = 100;

let buffer = Buffer.alloc(64 * 1024);

/** Where runner.sh has the output of its command open. */
const RUNNER_OUTPUT_FD = 4;

export const linux: Host = {
  bootId,
  row,
  table() {
    const rows: ProcessRow[] = [];
    const seen = new Set<number>();
    for (let listing = 0; listing < LISTINGS_MAX; listing++) {
      const fresh = readdirSync('/proc')
        .map(Number)
        .filter(pid => pid > 0 && !seen.has(pid));
      if (fresh.length === 0) break;
      // Newest first: a process that forks and ends at once is still there when its turn comes.
      for (const pid of fresh.sort((a, b) => b - a)) {
        seen.add(pid);
        const found = row(pid);
        if (found) rows.push(found);
      }
    }
    return rows;
  },
  markers(pids) {
    const found = new Map<number, string>();
    for (const pid of pids) {
      const length = readInto(`/proc/${pid}/environ`);
      const marker = length > 0 ? markerIn(buffer.subarray(0, length)) : null;
      if (marker !== null) found.set(pid, marker);
    }
    return found;
  },
  lostRunners(pids) {
    const found = new Map<number, string>();
    for (const pid of pids) {
      const length = readInto(`/proc/${pid}/cmdline`);
      if (length <= 0) continue;
      const [, , , name, folder] = buffer.toString('utf8', 0, length).split('\0');
      if (name === RUNNER_NAME && folder && isRemoved(`/proc/${pid}/fd/${RUNNER_OUTPUT_FD}`))
        found.set(pid, folder);
    }
    return found;
  },
  compareStarts: (a, b) => Number(a) - Number(b),
  startOfUptime(up) {
    const seconds = Number(up);
    return up !== '' && seconds >= 0 ? String(Math.floor(seconds * USER_HZ)) : null;
  },
};

function row(pid: number): ProcessRow | null {
  const length = readInto(`/proc/${pid}/stat`);
  if (length <= 0) return null;
  const text = buffer.toString('latin1', 0, length);
  // The name may hold spaces and parentheses; the fields after the last one are numbers.
  const field = text.slice(text.lastIndexOf(')') + 2).split(' ', 20);
  if (field.length < 20) return null;
  return {
    pid,
    ppid: Number(field[1]),
    group: Number(field[3]),
    start: field[19]!,
    zombie: field[0] === 'Z' || field[0] === 'X' || field[0] === 'x',
    stopped: field[0] === 'T',
  };
}

function markerIn(environ: Buffer): string | null {
  const name = `${MARKER_NAME}=`;
  for (let at = environ.indexOf(name); at >= 0; at = environ.indexOf(name, at + 1)) {
    if (at > 0 && environ[at - 1] !== 0) continue;
    const end = environ.indexOf(0, at);
    return environ.toString('utf8', at + name.length, end < 0 ? environ.length : end);
  }
  return null;
}

/** Reads a whole file of /proc into the shared buffer; the length, or -1 when it is gone or not ours. */
function readInto(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throwTrouble(error);
    return -1;
  }
  try {
    let length = 0;
    for (;;) {
      if (length === buffer.length) {
        if (length >= ENVIRON_BYTES_MAX) return length;
        buffer = Buffer.concat([buffer], buffer.length * 2);
      }
      const n = readSync(fd, buffer, length, buffer.length - length, null);
      if (n === 0) return length;
      length += n;
    }
  } catch {
    return -1;
  } finally {
    closeSync(fd);
  }
}

/** Of a link in /proc: the file is in no folder any more. */
function isRemoved(link: string): boolean {
  try {
    return readlinkSync(link).endsWith(' (deleted)');
  } catch {
    return false;
  }
}
