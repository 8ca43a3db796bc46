/** Where the state is: its folders, and whether they are still the ones that this process began to work on. */
import { closeSync, fstatSync, lstatSync, openSync, renameSync, rmSync } from 'node:fs';
import { RasenError } from '../../contract/errors.ts';
import { storageError } from './file.ts';

export class StatePlace {
  readonly #home: string;
  /** Which folders are at the paths: others there are not ours. */
  readonly #folders: readonly { path: string; is: string | null }[];
  /** The same, opened: of a folder that is in no other one any more, only that is left. */
  readonly #opened: number[] = [];

  /** `folders`: none for who only looks. */
  constructor(home: string, folders: readonly string[]) {
    this.#home = home;
    this.#folders = folders.map(path => ({ path, is: whichFolder(path) }));
  }

  /** Why the state is not what this process works on any more; null: it is there. */
  gone(): string | null {
    const lost = this.#folders.find(({ path, is }) => whichFolder(path) !== is);
    if (!lost) return null;
    const now = whichFolder(lost.path);
    return now === null
      ? `the state folder ${lost.path} is gone: it was removed, moved or unmounted`
      : `the state folder ${lost.path} was replaced: another folder or file system is at its path`;
  }

  /** Throws `storage` where it is not. */
  assertHere(): void {
    const why = this.gone();
    if (why !== null)
      throw new RasenError('storage', why, {
        hint: 'Nothing was written. The supervisor ends; the next command starts one on what is there now.',
        data: { path: this.#home },
      });
  }

  /** From now on it is known whether the state was removed or only moved. Keeps a descriptor for each until `close`. */
  noticeRemoval(): void {
    try {
      for (const { path } of this.#folders) this.#opened.push(openSync(path, 'r'));
    } catch (error) {
      throw storageError(this.#home, error);
    }
  }

  /** It is gone for good, and not somewhere else: its folders are in no other one any more. Known by `noticeRemoval`. */
  get removed(): boolean {
    return this.#opened.some(fd => fstatSync(fd).nlink === 0);
  }

  close(): void {
    for (const fd of this.#opened.splice(0)) closeSync(fd);
  }
}

/** Whatever it is, a link included. */
export const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/** Removes what nobody was told of; `hidden` is the name that every start removes, should it fail half-way. */
export function discard(path: string, hidden: string = path): void {
  try {
    if (path !== hidden) renameSync(path, hidden);
    rmSync(hidden, { recursive: true, force: true });
  } catch {
    // Nothing was acknowledged, and the error that led here is the one to tell.
  }
}

/** Which folder is at a path; null: none. */
function whichFolder(path: string): string | null {
  try {
    const { dev, ino } = lstatSync(`${path}/.`, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}
