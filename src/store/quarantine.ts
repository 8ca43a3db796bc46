/** The quarantine: whatever cannot be read is moved here under a name that says from where, and `doctor` names it. */
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolder, writeDurable } from './file.ts';

export class Quarantine {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Moves a file or folder in; gives its new path. */
  move(path: string, label: string): string {
    const target = this.#name(label);
    renameSync(path, target);
    return target;
  }

  /** Keeps bytes that are about to be cut off: they are on the disk when it returns. */
  keep(bytes: Buffer, label: string): string {
    const target = this.#name(label);
    writeDurable(target, bytes);
    syncFolder(this.#folder);
    return target;
  }

  list(): string[] {
    try {
      return readdirSync(this.#folder).sort();
    } catch {
      return [];
    }
  }

  #name(label: string): string {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const stamp = new Date().toISOString().replace(/[:.]/g, '');
    for (let i = 0; ; i++) {
      const path = join(this.#folder, `${label}.${stamp}${i === 0 ? '' : `-${i}`}`);
      if (!existsSync(path)) return path;
    }
  }
}
