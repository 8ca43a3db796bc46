/** Folders of tasks that somebody reads in: they stay as they are for as long, and packed ones are laid out for it. */
import { dirname, join } from 'node:path';
import { storageError } from './file.ts';
import { Pack } from './pack.ts';
import { discard, isThere } from './place.ts';
import { layOut } from './task-folder.ts';

export class HeldFolders {
  /** How many read in each. */
  readonly #held = new Map<string, number>();

  has(id: string): boolean {
    return this.#held.has(id);
  }

  /** `pack`: null where the task is a folder at `folder`; else what is laid out at `laid`. */
  hold(
    id: string,
    { folder, pack, laid }: { folder: string; pack: string | null; laid: string },
  ): { tasks: string; release: () => void } {
    const count = this.#held.get(id) ?? 0;
    if (pack !== null && !isThere(laid)) {
      try {
        layOut(join(laid, id), Pack.open(pack).files('attempts/'), false);
      } catch (error) {
        discard(laid);
        throw storageError(laid, error);
      }
    }
    this.#held.set(id, count + 1);
    let released = false;
    return {
      tasks: pack === null ? dirname(folder) : laid,
      release: () => {
        if (released) return;
        released = true;
        const left = this.#held.get(id)! - 1;
        if (left > 0) this.#held.set(id, left);
        else {
          this.#held.delete(id);
          discard(laid);
        }
      },
    };
  }
}
