/** The files of one task on disk: writes those that say something new, or that somebody changed or removed. */

import type { TaskState } from '../engine/state.ts';
import type { Files } from '../host/far-files.ts';
import type { Look } from '../host/file-work.ts';
import type { Place } from '../host/foreign-file.ts';
import { needed, neededOrNull, placeInside } from './inside.ts';
import { SEED_FILES, type SeedFile } from './seed-files.ts';

interface Written {
  inputs: readonly unknown[];
  /** Identity of the file as we left it; null: it was not there. */
  stamp: string | null;
}

export class FileSet {
  readonly #files: Files;
  readonly #written = new Map<SeedFile, Written>();

  constructor(files: Files) {
    this.#files = files;
  }

  /** Brings every file up to the state. Returns what went wrong; the other files are written all the same. */
  async write(state: TaskState, pid: number, now: number): Promise<unknown[]> {
    const errors: unknown[] = [];
    for (const file of SEED_FILES) {
      try {
        await this.#write(file, state, pid, now);
      } catch (error) {
        this.#written.delete(file);
        errors.push(error);
      }
    }
    return errors;
  }

  async #write(file: SeedFile, state: TaskState, pid: number, now: number): Promise<void> {
    const { project, views } = state.spec;
    const place = placeInside(project, file.path(views!));
    const inputs = file.inputs(state);
    const before = this.#written.get(file);
    if (before && same(before.inputs, inputs) && before.stamp === (await this.#stampOf(place))) return;
    const text = file.text(state, pid, now);
    let stamp: string | null;
    // A view is remade from the journal after a power cut; it is worth no fsync.
    if (text !== null) stamp = stampOf(needed(place, await this.#files.replace(place, text)));
    else {
      if (file.remove) needed(place, await this.#files.remove(place));
      stamp = await this.#stampOf(place);
    }
    this.#written.set(file, { inputs, stamp });
  }

  async #stampOf(place: Place): Promise<string | null> {
    const found = neededOrNull(place, await this.#files.look(place));
    return found && stampOf(found);
  }
}

const stampOf = ({ kind, inode, size, mtime_ms }: Look) => `${kind}:${inode}:${size}:${mtime_ms}`;

const same = (a: readonly unknown[], b: readonly unknown[]) =>
  a.length === b.length && a.every((value, i) => value === b[i]);
