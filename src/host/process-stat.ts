/** What Linux tells of a process, beside who it is: its terminal, and when it started. Elsewhere nothing is told. */
import { readFileSync } from 'node:fs';

/** Ticks of the clock since boot; 0: it is gone. */
export function startOf(pid: number | 'self'): number {
  return Number(statOf(pid)[19] ?? 0);
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
