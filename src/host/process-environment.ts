/** The environment that a living process was started with, where the system tells: Linux, of processes of this user. */
import { readFileSync } from 'node:fs';

/** Of a process and of those that it started itself; some may be gone by now. */
export function environmentsOf(pid: number): Record<string, string>[] {
  if (process.platform !== 'linux') return [];
  const children = text(`/proc/${pid}/task/${pid}/children`).trim().split(' ');
  return [String(pid), ...children]
    .filter(one => one !== '')
    .map(one => variables(text(`/proc/${one}/environ`)));
}

function variables(environ: string): Record<string, string> {
  const pairs = environ.split('\0').map(pair => [pair, pair.indexOf('=')] as const);
  return Object.fromEntries(
    pairs.filter(([, at]) => at > 0).map(([pair, at]) => [pair.slice(0, at), pair.slice(at + 1)]),
  );
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
