/** Control groups as the `unit` cage needs them: who is in one, whether it is there, standing it still. Linux, v2 only. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { throwTrouble } from '../../host/trouble.ts';

/** Control groups below an attempt's own that are looked at; a task may make some itself. */
const DEPTH_MAX = 16;

/** Where the v2 hierarchy is mounted: alone, or beside v1. */
const ROOT = existsSync('/sys/fs/cgroup/cgroup.controllers') ? '/sys/fs/cgroup' : '/sys/fs/cgroup/unified';

export class Cgroup {
  readonly #path: string;

  /** @param path as in /proc/PID/cgroup, starting with a slash. */
  constructor(path: string) {
    this.#path = join(ROOT, path);
  }

  /** The manager removes it when it is done with the unit. */
  exists(): boolean {
    return existsSync(this.#path);
  }

  /** Pids in it and below. */
  pids(): number[] {
    const found: number[] = [];
    walk(this.#path, DEPTH_MAX, folder => {
      const text = read(join(folder, 'cgroup.procs'));
      for (const line of text.split('\n')) if (line !== '' && line !== '0') found.push(Number(line));
    });
    return found;
  }

  freeze(frozen: boolean): boolean {
    try {
      writeFileSync(join(this.#path, 'cgroup.freeze'), frozen ? '1' : '0');
      return true;
    } catch {
      return false;
    }
  }

  /** Controllers that limits on it can use. */
  controllers(): string[] {
    return read(join(this.#path, 'cgroup.controllers')).trim().split(' ').filter(Boolean);
  }
}

/** The v2 control group of a process, or null. */
export function cgroupOf(pid: number | 'self'): string | null {
  return /^0::(\/.*)$/m.exec(read(`/proc/${pid}/cgroup`))?.[1] ?? null;
}

function walk(folder: string, depth: number, visit: (folder: string) => void): void {
  visit(folder);
  if (depth === 0) return;
  let names: string[];
  try {
    names = readdirSync(folder, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => entry.name);
  } catch (error) {
    throwTrouble(error);
    return;
  }
  for (const name of names) walk(join(folder, name), depth - 1, visit);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throwTrouble(error);
    return '';
  }
}
