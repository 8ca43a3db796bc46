/**
 * The numbered files behind rasen.log, written through pino-roll on the main thread: when append() resolves, the lines
 * are in the file. Used by ProjectLog alone; after an error the object is of no more use.
 */
import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import roll, { type RollStream } from 'pino-roll';
import { rollPath } from '../util/roll-path.ts';
import { gone } from './inside.ts';
import { logFiles, nameOf, numberOf } from './log-cursor.ts';

export interface RollingOptions {
  folder: string;
  /** A file of this size is closed and the next one begun. */
  max_bytes: number;
  /** Closed files that are kept. */
  keep: number;
  /** Begin the next number, even if the last file is not full. */
  fresh: boolean;
}

export class RollingLog {
  readonly #stream: RollStream;
  readonly #maxBytes: number;
  #size: number;
  #inode: number;
  #error: unknown = null;

  private constructor(stream: RollStream, maxBytes: number, found: { size: number; ino: number }) {
    this.#stream = stream;
    this.#maxBytes = maxBytes;
    this.#size = found.size;
    this.#inode = found.ino;
    stream.on('error', (error: unknown) => {
      this.#error ??= error;
    });
  }

  static async open({ folder, max_bytes, keep, fresh }: RollingOptions): Promise<RollingLog> {
    if (fresh) {
      const last = (await logFiles(folder)).at(-1);
      if (last && (await stat(join(folder, last))).size > 0) {
        await writeFile(join(folder, nameOf(numberOf(last) + 1)), '', { flag: 'a' });
      }
    }
    const stream = await roll({
      file: rollPath(join(folder, 'rasen.log')),
      size: `${max_bytes}b`,
      // With removeOtherLogFiles the count includes the file in use.
      limit: { count: keep + 1, removeOtherLogFiles: true },
      sync: true,
    });
    return new RollingLog(stream, max_bytes, await stat(stream.file));
  }

  /** Name of the file in use. */
  get name(): string {
    return basename(this.#stream.file);
  }

  /** Size of the file in use, in bytes. */
  get size(): number {
    return this.#size;
  }

  /** Whether the file in use is still there under its name. */
  async isThere(): Promise<boolean> {
    const found = await stat(this.#stream.file).catch(gone);
    return found?.ino === this.#inode;
  }

  async append(text: string): Promise<void> {
    this.#stream.write(text);
    this.#size += Buffer.byteLength(text);
    // pino-roll changes to the next file on the next tick; a line written before that would go to the full one.
    if (this.#size >= this.#maxBytes) await setImmediate();
    if (this.#error) throw this.#error;
    if (this.#size >= this.#maxBytes) await this.measure();
  }

  /** Looks at the file again: somebody may have emptied it. */
  async measure(): Promise<void> {
    const { size, ino } = await stat(this.#stream.file);
    this.#size = size;
    this.#inode = ino;
  }

  async close(): Promise<void> {
    if (this.#stream.destroyed) return;
    const closed = once(this.#stream, 'close');
    this.#stream.end();
    await closed;
  }

  /** After an error: what was not written is dropped. */
  abandon(): void {
    if (!this.#stream.destroyed) this.#stream.destroy();
  }
}
