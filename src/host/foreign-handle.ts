/**
 * A file that others can write, held open: for what is read piece by piece, or synced, on the disk of the state. Its
 * reads are made by threads that all tasks share, so it must not be on the disk of a project.
 */
import { closeSync, constants, fstat, fsync, read, write } from 'node:fs';
import { promisify } from 'node:util';
import { type Foreign, openForeign, type Place } from './foreign-file.ts';

const statOf = promisify(fstat);
const syncOf = promisify(fsync);
const readOf = promisify(read);
const writeOf = promisify(write);

export class ForeignHandle implements Disposable {
  /** Of the open file, for a program that is handed it. */
  readonly fd: number;
  #closed = false;

  private constructor(fd: number) {
    this.fd = fd;
  }

  static open(place: Place, flags: number = constants.O_RDONLY, mode?: number): Foreign<ForeignHandle> {
    const opened = openForeign(place, flags, { mode });
    return opened.ok ? { ok: true, value: new ForeignHandle(opened.value.fd) } : opened;
  }

  /** Bytes; when it was changed, in ms since 1970. */
  async look(): Promise<{ size: number; mtime: Date }> {
    return await statOf(this.fd);
  }

  /** At most `length` bytes from an offset on; fewer where the file ends. */
  async read(from: number, length: number): Promise<Buffer> {
    const { size } = await this.look();
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - from)));
    let got = 0;
    while (got < bytes.length) {
      const { bytesRead } = await readOf(this.fd, bytes, got, bytes.length - got, from + got);
      if (bytesRead === 0) break;
      got += bytesRead;
    }
    return bytes.subarray(0, got);
  }

  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    let put = 0;
    while (put < bytes.length) {
      const { bytesWritten } = await writeOf(this.fd, bytes, put, bytes.length - put);
      put += bytesWritten;
    }
  }

  async sync(): Promise<void> {
    await syncOf(this.fd);
  }

  [Symbol.dispose](): void {
    if (!this.#closed) closeSync(this.fd);
    this.#closed = true;
  }
}
