/** Somebody at a shell: scripts of `sh` with `rasen` on PATH, for what a shell does around a command. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type CliResult, type Instance, RASEN } from './instance.ts';

export class ShellUser {
  readonly #instance: Instance;
  /** A folder of his own. */
  readonly folder: string;

  constructor(instance: Instance) {
    this.#instance = instance;
    this.folder = join(instance.folder, 'w');
    mkdirSync(this.folder, { recursive: true });
  }

  /** What `sh -c SCRIPT` printed. Its standard input is empty. */
  types(script: string, env: Record<string, string> = {}): CliResult {
    const PATH = `${dirname(RASEN)}:${process.env.PATH}`;
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', script], {
      cwd: this.folder,
      env: { ...this.#instance.env, PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'latin1',
      timeout: 100_000,
    });
    return { status, stdout, stderr };
  }
}

/** The command of the advice that a message ends with: `…: rasen …`. */
export function adviceIn(said: string): string {
  const found = /: (rasen .*)$/m.exec(said)?.[1];
  if (found === undefined) throw new Error(`no advice in: ${said}`);
  return found;
}
