/**
 * The numbered files behind rasen.log: when append() resolves, the lines are in the file. What has a number and is no
 * file that is ours alone (a link, a FIFO, a second name of another file) is left as it is, and the next number taken.
 * Used by ProjectLog alone; after an error the object is of no more use.
 */
import type { Files } from '../host/far-files.ts';
import type { Look } from '../host/file-work.ts';
import type { Foreign, Place } from '../host/foreign-file.ts';
import { below, needed, neededOrNull } from './inside.ts';
import { VIEW_LIMITS } from './limits.ts';
import { logFiles, nameOf, numberOf } from './log-cursor.ts';

export interface RollingOptions {
  folder: Place;
  /** A file of this size is closed and the next one begun. */
  max_bytes: number;
  /** Closed files that are kept. */
  keep: number;
  /** Begin the next number, even if the last file is not full. */
  fresh: boolean;
}

export class RollingLog {
  readonly #files: Files;
  readonly #options: RollingOptions;
  #number: number;
  /** null: the file is not there yet. */
  #found: Look | null;

  private constructor(files: Files, options: RollingOptions, number: number, found: Look | null) {
    this.#files = files;
    this.#options = options;
    this.#number = number;
    this.#found = found;
  }

  static async open(files: Files, options: RollingOptions): Promise<RollingLog> {
    const last = (await logFiles(files, options.folder)).at(-1);
    if (last === undefined) return new RollingLog(files, options, 1, null);
    const place = below(options.folder, last);
    const found = neededOrNull(place, await files.look(place));
    const usable = found?.kind === 'file' && !(options.fresh && found.size > 0);
    const log = usable
      ? new RollingLog(files, options, numberOf(last), found)
      : new RollingLog(files, options, numberOf(last) + 1, null);
    await log.#prune();
    return log;
  }

  /** Name of the file in use. */
  get name(): string {
    return nameOf(this.#number);
  }

  /** Size of the file in use, in bytes. */
  get size(): number {
    return this.#found?.size ?? 0;
  }

  /** Whether the file in use is still there under its name. */
  async isThere(): Promise<boolean> {
    if (this.#found === null) return true;
    const before = this.#found.inode;
    await this.measure();
    return this.#found?.inode === before;
  }

  /** Whole lines. */
  async append(lines: readonly string[]): Promise<void> {
    for (let from = 0; from < lines.length; ) {
      if (this.size >= this.#options.max_bytes) await this.#roll();
      let to = from;
      for (let size = this.size; to < lines.length && size < this.#options.max_bytes; to++)
        size += Buffer.byteLength(lines[to]!);
      await this.#write(lines.slice(from, to).join(''));
      from = to;
    }
  }

  /** Looks at the file again: somebody may have emptied it. */
  async measure(): Promise<void> {
    this.#found = neededOrNull(this.#place, await this.#files.look(this.#place));
  }

  get #place(): Place {
    return below(this.#options.folder, this.name);
  }

  async #write(text: string): Promise<void> {
    let written: Foreign<Look> = await this.#files.append(this.#place, text);
    for (let n = 1; n < VIEW_LIMITS.log_numbers && isTaken(written); n++) {
      await this.#roll();
      written = await this.#files.append(this.#place, text);
    }
    this.#found = needed(this.#place, written);
  }

  async #roll(): Promise<void> {
    this.#number++;
    this.#found = null;
    await this.#prune();
  }

  async #prune(): Promise<void> {
    const { folder, keep } = this.#options;
    const names = await logFiles(this.#files, folder);
    for (const name of names.filter(name => numberOf(name) < this.#number - keep)) {
      // A folder with that name is none of ours.
      const place = below(folder, name);
      const removed = await this.#files.remove(place);
      if (!removed.ok && removed.fault === 'unreadable') needed(place, removed);
    }
  }
}

/** Somebody else's, or not to be written: the next number is. */
function isTaken(written: Foreign<unknown>): boolean {
  return !written.ok && (written.fault === 'not_a_file' || written.errno === 'EACCES');
}
