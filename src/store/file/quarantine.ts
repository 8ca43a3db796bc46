/** The quarantine: whatever cannot be read is moved here under a name that says from where, and `doctor` names it. */
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '../../contract/errors.ts';
import { readWhole, syncFolder, writeDurable } from './file.ts';

/** A whole task that was moved here: its id, and when. */
const TASK = /^([0-9a-z]{26})\.(\d{4}-\d\d-\d\dT\d+Z(?:-\d+)?)$/;
/** Beside it: why. */
const WHY = '.why';
const WHY_BYTES_MAX = 64 * 1024;

export interface Moved {
  task: string;
  path: string;
  /** What was wrong with it; null where that was not written down. */
  message: string | null;
}

export class Quarantine {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Moves a file or folder in; gives its new path. */
  move(path: string, label: string): string {
    const target = this.#name(label);
    renameSync(path, target);
    syncFolder(this.#folder);
    syncFolder(dirname(path));
    return target;
  }

  /** Moves a task in, and writes down why, for later starts. */
  moveTask(path: string, task: string, why: unknown): string {
    const target = this.move(path, task);
    try {
      writeDurable(`${target}${WHY}`, `${JSON.stringify({ task, message: messageOf(why) })}\n`);
    } catch {
      // The task is safe; why it is here can be found out again.
    }
    return target;
  }

  /** Keeps bytes that are about to be cut off: they are on the disk when it returns. */
  keep(bytes: Buffer, label: string): string {
    const target = this.#name(label);
    writeDurable(target, bytes);
    syncFolder(this.#folder);
    return target;
  }

  /** Names of what is here, without the notes beside it. */
  list(): string[] {
    try {
      return readdirSync(this.#folder)
        .filter(name => !name.endsWith(WHY))
        .sort();
    } catch {
      return [];
    }
  }

  /** Whole tasks that were moved here, by any supervisor; the newest of each. */
  tasks(): Moved[] {
    const moved = new Map<string, Moved>();
    for (const name of this.list()) {
      const task = TASK.exec(name)?.[1];
      const path = join(this.#folder, name);
      if (task) moved.set(task, { task, path, message: whyOf(path) });
    }
    return [...moved.values()];
  }

  /** Removes everything of a task. */
  removeTask(task: string): void {
    for (const name of this.list().filter(entry => entry.startsWith(`${task}.`))) {
      rmSync(join(this.#folder, name), { recursive: true, force: true });
      rmSync(join(this.#folder, `${name}${WHY}`), { recursive: true, force: true });
    }
  }

  #name(label: string): string {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const stamp = new Date().toISOString().replace(/[:.]/g, '');
    for (let i = 0; ; i++) {
      const path = join(this.#folder, `${label}.${stamp}${i === 0 ? '' : `-${i}`}`);
      if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return path;
    }
  }
}

function whyOf(path: string): string | null {
  try {
    const { message } = JSON.parse(readWhole(`${path}${WHY}`, WHY_BYTES_MAX).toString('utf8'));
    return typeof message === 'string' ? message : null;
  } catch {
    return null;
  }
}
