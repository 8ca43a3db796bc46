/** The files of one task on disk: writes those that say something new, or that somebody changed or removed. */
import { rm, stat } from 'node:fs/promises';
import writeFileAtomic from 'write-file-atomic';
import type { TaskState } from '../task/state.ts';
import { gone, placeInside, refuseLink } from './inside.ts';
import { SEED_FILES, type SeedFile } from './seed-files.ts';

interface Written {
  inputs: readonly unknown[];
  /** Identity of the file as we left it; null: it was not there. */
  stamp: string | null;
}

export class FileSet {
  readonly #written = new Map<SeedFile, Written>();

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
    const path = await placeInside(project, file.path(views!));
    const inputs = file.inputs(state);
    const before = this.#written.get(file);
    if (before && same(before.inputs, inputs) && before.stamp === (await stampOf(path))) return;
    const text = file.text(state, pid, now);
    if (text !== null) {
      await refuseLink(project, path);
      // A view is remade from the journal after a power cut; it is worth no fsync.
      await writeFileAtomic(path, text, { fsync: false });
    } else if (file.remove) {
      await rm(path, { force: true });
    }
    this.#written.set(file, { inputs, stamp: await stampOf(path) });
  }
}

async function stampOf(path: string): Promise<string | null> {
  const found = await stat(path).catch(gone);
  return found && `${found.ino}:${found.size}:${found.mtimeMs}`;
}

const same = (a: readonly unknown[], b: readonly unknown[]) =>
  a.length === b.length && a.every((value, i) => value === b[i]);
