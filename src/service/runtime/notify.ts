/**
 * What rasend tells its service manager, as sd_notify(3) has it. Messages leave one after another and off the event
 * loop; one that is overtaken by a newer one of its kind before it left is not sent. Nothing here throws: a service
 * manager that does not listen must not stop the work.
 */
import { execFile } from 'node:child_process';
import { write } from 'node:fs';
import { messageOf } from '../../contract/errors.ts';
import type { Handover } from './handover.ts';

/** Delivers one message; rejects when it could not. */
export type Send = (message: string) => Promise<void>;

export interface NotifierOptions {
  /** null: nobody asked. */
  send: Send | null;
  /** Told once that messages do not arrive. */
  failed?: (problem: string) => void;
  /** For tests: between two tries of a message. */
  retry_ms?: number;
}

/** A full buffer is emptied within moments; what is refused for longer stays refused. */
const TRIES = 5;
const RETRY_MS = 100;
/** It waits for the service manager for 5 s itself. */
const CLI_MS_MAX = 10_000;
/** The status is one line for a person. */
const STATUS_CHARS_MAX = 500;

export class Notifier {
  readonly #options: NotifierOptions;
  /** Kind → message, in the order of sending. Kinds are few, so this is bounded. */
  readonly #queue = new Map<string, string>();
  #sending: Promise<void> | undefined;
  #complained = false;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** The start is over, or the reload that `reloading` announced. */
  ready(): void {
    this.#say('ready', 'READY=1');
  }

  /** Must be followed by `ready`. `usec`: CLOCK_MONOTONIC, by which systemd tells this reload from an earlier one. */
  reloading(usec: bigint = process.hrtime.bigint() / 1000n): void {
    this.#say('reloading', `RELOADING=1\nMONOTONIC_USEC=${usec}`);
  }

  stopping(): void {
    this.#say('stopping', 'STOPPING=1');
  }

  status(text: string): void {
    const line = text.replaceAll(/\s*\n\s*/g, '; ');
    this.#say('status', `STATUS=${line.slice(0, STATUS_CHARS_MAX)}`);
  }

  /** Alive. */
  ping(): void {
    this.#say('watchdog', 'WATCHDOG=1');
  }

  /** The start, reload or end that is under way may take this long from now on. */
  extend(ms: number): void {
    this.#say('extend', `EXTEND_TIMEOUT_USEC=${ms * 1000}`);
  }

  /** Resolves when everything is sent or given up, at the latest after `ms`. */
  async flush(ms: number): Promise<void> {
    if (!this.#sending) return;
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>(resolve => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([this.#sending, enough]);
    clearTimeout(timer);
  }

  #say(kind: string, message: string): void {
    if (!this.#options.send) return;
    // Deleted first, so that it goes to the end: what was said in between comes before it.
    this.#queue.delete(kind);
    this.#queue.set(kind, message);
    this.#sending ??= this.#drain(this.#options.send).finally(() => {
      this.#sending = undefined;
    });
  }

  async #drain(send: Send): Promise<void> {
    for (;;) {
      const [next] = this.#queue;
      if (!next) return;
      this.#queue.delete(next[0]);
      await this.#deliver(send, next[0], next[1]);
    }
  }

  async #deliver(send: Send, kind: string, message: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await send(message);
      } catch (error) {
        if (this.#queue.has(kind)) return;
        if (tries >= TRIES) return this.#complain(message, error);
        await new Promise(resolve => setTimeout(resolve, this.#options.retry_ms ?? RETRY_MS));
      }
    }
  }

  #complain(message: string, error: unknown): void {
    if (this.#complained) return;
    this.#complained = true;
    const what = message.split('=', 1)[0];
    this.#options.failed?.(`the service manager could not be told ${what}: ${messageOf(error).trimEnd()}`);
  }
}

/** The way that a handover offers; null where there is none. */
export function senderOf({ sdnotify, notify_socket }: Handover): Send | null {
  if (sdnotify !== undefined) return toSocket(sdnotify);
  if (notify_socket !== undefined) return byCommand(notify_socket);
  return null;
}

/** In the thread pool: the socket is a blocking one, and a manager that hangs lets its queue fill up. */
function toSocket(fd: number): Send {
  return message =>
    new Promise((resolve, reject) => {
      write(fd, message, error => (error ? reject(error) : resolve()));
    });
}

/** For service managers before systemd 253, which cannot hand over a connected socket; Node has no Unix datagrams. */
function byCommand(socket: string): Send {
  return message =>
    new Promise((resolve, reject) => {
      const env = { PATH: process.env.PATH, NOTIFY_SOCKET: socket };
      execFile('systemd-notify', message.split('\n'), { env, timeout: CLI_MS_MAX }, error =>
        error ? reject(error) : resolve(),
      );
    });
}
