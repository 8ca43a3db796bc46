/**
 * One running request as its handler sees it: who asks, the signal that ends it, and the way to send notifications
 * before the answer. peer.ts makes, aborts and answers it.
 */
import { RasenError } from '../contract/errors.ts';
import type { Limits } from './limits.ts';
import { type Id, notificationText } from './message.ts';
import type { Outbox } from './outbox.ts';

/** The other end of a connection, for whoever has to know who asks. One object for each connection. */
export interface PeerSocket {
  /** Descriptor of our end; null once it is closed. */
  readonly fd: number | null;
  /** When it connected, in seconds of os.uptime(). */
  readonly since_s: number;
  /** Name of its program, as it said in its hello; proves nothing. */
  readonly program: string | null;
}

export interface RequestContext {
  /** Aborted when the client cancels or is gone, and when the server stops. The reason is a RasenError. */
  readonly signal: AbortSignal;
  /** Number of the connection, for the log. */
  readonly connection: number;
  readonly id: Id;
  readonly peer: PeerSocket;
  /**
   * Sends a notification of this request; `params` is an object and gets the field `request`, the id. Await it: it
   * resolves when the client may take more, and rejects with the reason of `signal` once that is aborted. Unless it
   * was aborted before the call, the notification itself is sent also when the wait is rejected.
   */
  notify(method: string, params: unknown): Promise<void>;
  /**
   * Runs `work` when the client may take more and none of its other streams is at it. What a stream sends it should
   * read in its turn, so that what waits for a slow reader is on the disk and not in memory. Rejects like `notify`,
   * which must not be awaited in here.
   */
  turn<T>(work: (send: Send) => T | Promise<T>): Promise<T>;
  /** The client does not take what was sent: hold nothing until the next turn that can be read again. */
  readonly behind: boolean;
}

/** As `notify`, without waiting. Throws the reason of the signal once that is aborted. */
export type Send = (method: string, params: unknown) => void;

/** Answers one method. May throw RasenError and InvalidParams; anything else is a bug and is answered as one. */
export type Handler = (params: unknown, context: RequestContext) => unknown | Promise<unknown>;

/** Of a connection that is none. */
export const NOBODY: PeerSocket = { fd: null, since_s: 0, program: null };

export class Request implements RequestContext {
  readonly connection: number;
  readonly id: Id;
  readonly peer: PeerSocket;
  /** Why it was aborted, if it was. */
  reason: RasenError | undefined;
  readonly #outbox: Outbox;
  readonly #limits: Limits;
  #controller: AbortController | undefined;
  #rejects = new Set<(reason: RasenError) => void>();
  #over = false;

  constructor(connection: number, id: Id, outbox: Outbox, limits: Limits, peer: PeerSocket = NOBODY) {
    this.connection = connection;
    this.id = id;
    this.peer = peer;
    this.#outbox = outbox;
    this.#limits = limits;
  }

  /** Made when first asked for: most handlers answer at once and never look. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.reason) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  abort(reason: RasenError): void {
    if (this.reason || this.#over) return;
    this.reason = reason;
    this.#controller?.abort(reason);
    for (const reject of this.#rejects) reject(reason);
    this.#rejects.clear();
  }

  get behind(): boolean {
    return this.#outbox.behind;
  }

  /** After the answer nothing of this request may be sent any more. */
  over(): void {
    this.#over = true;
  }

  notify(method: string, params: unknown): Promise<void> {
    const sent = this.#notify(method, params);
    // A handler that does not await it must not bring the process down when its client goes away.
    sent.catch(() => {});
    return sent;
  }

  async turn<T>(work: (send: Send) => T | Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await work((method, params) => this.#send(method, params));
    } finally {
      this.#outbox.leave();
    }
  }

  async #notify(method: string, params: unknown): Promise<void> {
    this.#send(method, params);
    await this.#enter();
    this.#outbox.leave();
  }

  #send(method: string, params: unknown): void {
    if (this.reason) throw this.reason;
    if (this.#over) throw new Error(`notification ${method} after the answer of request ${this.id}`);
    const text = notificationText(method, { ...(params as object), request: this.id });
    if (exceeds(text, this.#limits.max_frame_out_bytes))
      throw new Error(`notification ${method} is over max_frame_out_bytes`);
    // Only a handler that does not wait for notify() gets here; it must not grow without bound.
    if (this.#outbox.over(this.#limits.unsent_bytes))
      throw new RasenError('overloaded', `The client does not read what request ${this.id} sends.`);
    this.#outbox.send(text);
  }

  #enter(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      if (this.reason) return reject(this.reason);
      this.#rejects.add(reject);
      this.#outbox.enter(() => {
        // Aborted while it waited: the turn is the next one's.
        if (this.#rejects.delete(reject)) resolve();
        else this.#outbox.leave();
      });
    });
  }
}

/** Whether `text` has more than `max` bytes as UTF-8; counts only when it could. */
export function exceeds(text: string, max: number): boolean {
  return text.length > max || (text.length * 3 > max && Buffer.byteLength(text) > max);
}
