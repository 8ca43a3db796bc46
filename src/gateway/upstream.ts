/**
 * The way to the supervisor. Each principal has a connection of its own, whose hello names it, so that the journal says
 * who asked; each stream has one, too, because a reader that is slow holds up its connection. A supervisor that restarts
 * is waited for; what changes something carries an `op`, so that it can be asked again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isRasenError, RasenError } from '../contract/errors.ts';
import { type CallOptions, connect, type OnNotify, type RpcClient } from '../rpc/client.ts';
import { VERSION } from '../version.ts';
import { type Principal, principalName } from './who.ts';

/** How long a supervisor that restarts is waited for. */
const PATIENCE_MS = 20_000;
const PAUSE_MIN_MS = 20;
const PAUSE_MAX_MS = 500;
/** Connections for calls, of different principals. The one that was not used for longest goes. */
const CLIENTS_MAX = 32;
/** The supervisor has 256 places, and others want some. */
export const STREAMS_MAX = 200;

export interface UpstreamOptions {
  socket: string;
  /** Starts a supervisor where none answers; resolves when it does. */
  start?(): Promise<void>;
  patience_ms?: number;
}

const AWAY: ReadonlySet<string> = new Set(['unreachable', 'shutting_down', 'timeout']);
const isAway = (error: unknown) => isRasenError(error) && AWAY.has(error.kind);

export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #clients = new Map<string, Promise<RpcClient>>();
  #streams = 0;
  #starting: Promise<void> | null = null;
  #closed = false;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  get streams(): number {
    return this.#streams;
  }

  /** A call that may be made again: it reads, or has an id or `op` of its own. */
  async call<T>(who: Who, method: string, params: unknown, options: CallOptions = {}): Promise<T> {
    return await this.#persist(options.signal, async () => {
      const client = await this.#client(who);
      return await client.call<T>(method, params, options);
    });
  }

  /**
   * A stream that goes on over restarts of the supervisor: `params` is asked for each connection, and gives what is
   * still missing; what `opened` asks there is answered as of after the beginning of the stream. Throws `overloaded` when
   * there are too many.
   */
  async stream<T>(
    who: Who,
    method: string,
    params: () => unknown,
    onNotify: OnNotify,
    signal: AbortSignal,
    opened?: (client: RpcClient) => void,
  ): Promise<T> {
    if (this.#streams >= STREAMS_MAX)
      throw new RasenError('overloaded', `${STREAMS_MAX} streams are open already.`, {
        hint: 'Close one, or follow several tasks with one stream: GET /v1/events',
      });
    this.#streams++;
    try {
      return await this.#persist(signal, async alive => {
        const client = await this.#connect(who);
        try {
          const answer = client.stream<T>(
            method,
            params(),
            (name, data) => {
              alive();
              return onNotify(name, data);
            },
            { signal },
          );
          opened?.(client);
          return await answer;
        } finally {
          client.close();
        }
      });
    } finally {
      this.#streams--;
    }
  }

  /** One try, without waiting and without starting anything: for health checks. */
  async probe<T>(method: string, params: unknown, timeout_ms: number): Promise<T> {
    const client = await connect(this.#options.socket, { timeout_ms, client: program(null) });
    try {
      return await client.call<T>(method, params, { timeout_ms });
    } finally {
      client.close();
    }
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#clients.values())
      void client.then(
        open => open.close(),
        () => {},
      );
    this.#clients.clear();
  }

  async #persist<T>(signal: AbortSignal | undefined, attempt: (alive: () => void) => Promise<T>): Promise<T> {
    const patience = this.#options.patience_ms ?? PATIENCE_MS;
    let lost_at: number | null = null;
    let pause = PAUSE_MIN_MS;
    for (;;) {
      try {
        return await attempt(() => {
          lost_at = null;
          pause = PAUSE_MIN_MS;
        });
      } catch (error) {
        if (!isAway(error) || signal?.aborted || this.#closed) throw error;
        const now = performance.now();
        lost_at ??= now;
        if (now - lost_at >= patience) throw error;
        await this.#start();
      }
      await sleep(pause);
      pause = Math.min(pause * 2, PAUSE_MAX_MS);
    }
  }

  /** Once for all that wait. What goes wrong there is told by the next connection. */
  async #start(): Promise<void> {
    const { start } = this.#options;
    if (!start) return;
    this.#starting ??= start()
      .catch(() => {})
      .finally(() => {
        this.#starting = null;
      });
    await this.#starting;
  }

  #client(who: Who): Promise<RpcClient> {
    const name = nameOf(who);
    const known = this.#clients.get(name);
    if (known) {
      this.#clients.delete(name);
      this.#clients.set(name, known);
      return known;
    }
    const made = this.#connect(who);
    this.#clients.set(name, made);
    const drop = () => {
      if (this.#clients.get(name) === made) this.#clients.delete(name);
    };
    made.then(client => client.closed.then(drop), drop);
    if (this.#clients.size > CLIENTS_MAX) {
      const [oldest, client] = this.#clients.entries().next().value!;
      this.#clients.delete(oldest);
      client.then(
        open => open.close(),
        () => {},
      );
    }
    return made;
  }

  #connect(who: Who): Promise<RpcClient> {
    return connect(this.#options.socket, { client: program(who) });
  }
}

/** Null: the gateway itself. */
export type Who = Pick<Principal, 'by' | 'name'> | null;

const nameOf = (who: Who) => (who === null ? 'gateway' : principalName(who));
const program = (who: Who) => ({ name: nameOf(who), version: VERSION });
