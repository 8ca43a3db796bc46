/** Log lines to one file, which something else (logrotate, newsyslog) moves away and then says so with SIGHUP. */
import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import { messageOf } from '../../contract/errors.ts';
import type { LogStream } from '../../log.ts';
import { isRollingLink } from './log-rolling.ts';
import { writeAll } from './log-stderr.ts';

/** Throws what the system says when the file cannot be opened. */
export function fileStream(path: string): LogStream {
  return new LogFile(path);
}

/** Not pino's own destination: when a reopen of that fails, the next one closes a descriptor twice. */
class LogFile implements LogStream {
  readonly #path: string;
  #fd: number;

  constructor(path: string) {
    this.#path = path;
    // Through it, lines would go to a file that is full.
    if (isRollingLink(path)) unlinkSync(path);
    this.#fd = open(path);
  }

  write(line: string): void {
    try {
      let rest = Buffer.from(line);
      while (rest.length > 0) rest = rest.subarray(writeSync(this.#fd, rest));
    } catch {
      writeAll(line);
    }
  }

  reopen(): void {
    try {
      const fd = open(this.#path);
      closeSync(this.#fd);
      this.#fd = fd;
    } catch (error) {
      // The old file is still open: nothing is lost, it is only in the wrong place.
      writeAll(`rasend: the log ${this.#path} cannot be opened again: ${messageOf(error)}\n`);
    }
  }
}

/** A FIFO that nobody reads is an error and no wait. */
const open = (path: string) =>
  openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK, 0o600);
