/**
 * Standard output of the session program, which is the output of the attempt: a file. What is written waits for its
 * turn; a full disk is waited for, and meanwhile the agent is not read.
 */
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionLine } from '../agents/session-lines.ts';
import { errnoOf } from '../contract/errors.ts';

/** What passes by itself, and after how many ms it is tried again. */
const PASSES: Readonly<Record<string, number>> = { EAGAIN: 10, EINTR: 0, ENOSPC: 1000, EDQUOT: 1000 };

export class Output {
  #last: Promise<void> = Promise.resolve();
  #at_line_start = true;
  /** Own lines, until the line of the agent that is being written has its end. */
  #waiting: SessionLine[] = [];

  /** Resolves when it is written. Rejects when it never will be. */
  write(bytes: Buffer, fd: 1 | 2 = 1): Promise<void> {
    this.#last = this.#last.then(async () => {
      await writeAll(fd, bytes);
      if (fd === 1 && bytes.length > 0) this.#at_line_start = bytes.at(-1) === 0x0a;
      if (this.#at_line_start) await this.#own();
    });
    return this.#last;
  }

  /** One of our own lines, between those of the agent. */
  say(line: SessionLine): Promise<void> {
    this.#waiting.push(line);
    return this.write(Buffer.alloc(0));
  }

  /** The agent writes no more; a line of it may have no end. */
  end(): Promise<void> {
    return this.write(Buffer.from(this.#at_line_start || this.#waiting.length === 0 ? '' : '\n'));
  }

  async #own(): Promise<void> {
    const lines = this.#waiting.map(line => `${JSON.stringify(line)}\n`);
    this.#waiting = [];
    if (lines.length > 0) await writeAll(1, Buffer.from(lines.join('')));
  }
}

async function writeAll(fd: number, bytes: Buffer): Promise<void> {
  for (let rest = bytes; rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const wait = PASSES[errnoOf(error) ?? ''];
      if (wait === undefined) throw error;
      await sleep(wait);
    }
  }
}
