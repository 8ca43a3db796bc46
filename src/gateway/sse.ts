/**
 * Server-sent events to one reader. Nothing piles up: whoever has something to say waits until the reader has taken what
 * was said before, or is gone. A comment every 15 seconds keeps proxies from closing a silent stream.
 */
import type { ServerResponse } from 'node:http';
import { problemOf } from './problem.ts';

const HEARTBEAT_MS = 15_000;
/** A reader that takes nothing for so long is disconnected; it can come back with its cursor. */
const STALL_MS = 60_000;

export interface Message {
  /** Cursor: a reader that comes back with it in `Last-Event-ID` misses nothing and gets nothing twice. */
  id?: string;
  event?: string;
  data: unknown;
}

export class EventWriter {
  readonly #response: ServerResponse;
  readonly #gone = new AbortController();
  readonly #timer: NodeJS.Timeout;

  /** Sends the head of the answer. */
  constructor(response: ServerResponse, headers: Record<string, string> = {}) {
    this.#response = response;
    response.writeHead(200, {
      ...headers,
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    });
    response.flushHeaders();
    response.socket?.setNoDelay(true);
    response.once('close', () => this.#end());
    response.on('error', () => this.#end());
    this.#timer = setInterval(() => {
      if (response.writableLength === 0) response.write(': still here\n\n');
    }, HEARTBEAT_MS);
  }

  /** Aborted when the reader is gone. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Resolves when there is room for more. */
  async send({ id, event, data }: Message): Promise<void> {
    if (this.gone.aborted) return;
    const head = `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}`;
    // JSON has no raw line ends, so one line is enough.
    const room = this.#response.write(`${head}data: ${JSON.stringify(data)}\n\n`);
    if (!room) await this.#drained();
  }

  /** What went wrong, as an event: the status was sent long ago. */
  async sendProblem(error: unknown): Promise<void> {
    await this.send({ event: 'problem', data: problemOf(error).problem });
  }

  close(): void {
    this.#end();
    this.#response.end();
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#gone.abort();
  }

  async #drained(): Promise<void> {
    const response = this.#response;
    if (this.gone.aborted || response.writableLength === 0) return;
    await new Promise<void>(resolve => {
      const stalled = setTimeout(() => response.destroy(), STALL_MS);
      const done = () => {
        clearTimeout(stalled);
        response.off('drain', done);
        response.off('close', done);
        resolve();
      };
      response.once('drain', done);
      response.once('close', done);
    });
  }
}
