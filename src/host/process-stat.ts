/** What Linux tells of a process, beside who it is: its terminal, and when it started. Elsewhere nothing is told. */
import { readdirSync, readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** Ticks of the clock of start times in a second, and by how many two readings of a clock may differ. */
const HZ = 100;
const SLACK_TICKS = 20;

/** All processes that can be seen. Elsewhere: none. */
export function livePids(): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number);
}

/** Ticks of the clock since boot; 0: it is gone. */
export function startOf(pid: number | 'self'): number {
  return Number(statOf(pid)[19] ?? 0);
}

/** Read at once: time that the machine sleeps later would change it. */
const OFFSET_S = clockOffset();

/** The newest start that a process can have had when os.uptime() was this. */
export function newestStartAt(uptime_s: number): number {
  return (uptime_s + OFFSET_S) * HZ + SLACK_TICKS;
}

/**
 * What is added to os.uptime() to have the clock of start times: 0, but in containers that are shown an uptime of their
 * own (lxcfs), and start times of the machine. Our own start is only so exact, since this program may have come some time
 * after its process: hence the seconds more.
 */
function clockOffset(): number {
  const offset_s = startOf('self') / HZ - (uptime() - process.uptime());
  return offset_s > 1 ? offset_s + 5 : 0;
}

/** Its controlling terminal, as `pts/3`, by the numbers that Linux has given to terminals; null: it has none. */
export function terminalOf(pid: number): string | null {
  const device = Number(statOf(pid)[4] ?? 0);
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  if (major !== 4) return null;
  return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
}

/** The fields of proc_pid_stat(5) behind the name, which may hold anything; empty when it is gone. */
function statOf(pid: number | 'self'): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}
