/**
 * The way of a command to the supervisor: one connection for all calls of the command, made again when the supervisor
 * restarts in between. Whoever calls through `persist` must be able to repeat the call: reads, streams with a cursor,
 * and requests with an id or op of their own.
 */
import { isRasenError, RasenError } from '../errors.ts';
import { type Client, connect } from '../index.ts';
import { monotonicMs, sleep } from './time.ts';

export const LINK_LIMITS = {
  /** How long a call is repeated after the supervisor was lost. */
  call_patience_ms: 30_000,
  /** The same for streams, which people leave open over an upgrade. */
  stream_patience_ms: 60_000,
  pause_min_ms: 25,
  pause_max_ms: 1_000,
  /** A connection that lived so long was a good one, even when it was silent. */
  good_ms: 5_000,
} as const;

type Limits = { readonly [name in keyof typeof LINK_LIMITS]: number };

export interface LinkOptions {
  socket: string;
  /** Starts a supervisor and returns when it answers. */
  start(): Promise<void>;
  limits?: Partial<Limits>;
}

export interface PersistOptions {
  /** Start a supervisor where none answers; only `run` and `resume` do. */
  starts?: boolean;
  patience_ms?: number;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #limits: Limits;
  #client: Client | undefined;
  /** A connection that is being made; streams that lost theirs together must not make one each. */
  #dialing: Promise<Client> | undefined;
  /** A supervisor has answered this command before. */
  #met = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#limits = { ...LINK_LIMITS, ...options.limits };
  }

  get limits(): Limits {
    return this.#limits;
  }

  /** One call that may be repeated. */
  call: Client['call'] = (method, params, options) =>
    this.persist(client => client.call(method, params, options));

  /**
   * Runs `attempt`, again and again while the supervisor is away for no longer than the patience. The attempt says
   * `alive()` for whatever it hears. Throws `unreachable` at once when none answered in the first place.
   */
  async persist<T>(
    attempt: (client: Client, alive: () => void) => Promise<T>,
    { starts = false, patience_ms = this.#limits.call_patience_ms }: PersistOptions = {},
  ): Promise<T> {
    let lost_at: number | null = null;
    for (let pause = this.#limits.pause_min_ms; ; pause = Math.min(pause * 2, this.#limits.pause_max_ms)) {
      const began = monotonicMs();
      let good = false;
      let client: Client | undefined;
      try {
        client = await this.#dial(starts);
        return await attempt(client, () => {
          good = true;
        });
      } catch (error) {
        if (!isAway(error)) throw error;
        this.#drop(client);
        if (!this.#met) throw explained(error);
        const now = monotonicMs();
        if (good || now - began > this.#limits.good_ms) {
          lost_at = null;
          pause = this.#limits.pause_min_ms;
        }
        lost_at ??= now;
        if (now - lost_at >= patience_ms) throw explained(error, Math.round(patience_ms / 1000));
      }
      await sleep(pause);
    }
  }

  /** Another connection, for calls while a stream has the first. The caller closes it. */
  async extra(): Promise<Client> {
    return await connect({ socket: this.#options.socket });
  }

  /** Whether a supervisor answers; never starts one. */
  async reachable(): Promise<boolean> {
    try {
      await this.#dial(false);
      return true;
    } catch (error) {
      if (isAway(error) || (isRasenError(error) && error.kind === 'socket_path')) return false;
      throw error;
    }
  }

  /** Whether a supervisor answers within `ms`, on a connection of its own; never starts one. */
  async answers(ms: number): Promise<boolean> {
    try {
      const client = await connect({ socket: this.#options.socket, timeout_ms: ms });
      try {
        await client.call('daemon.status', {}, { timeout_ms: ms });
        return true;
      } finally {
        client.close();
      }
    } catch (error) {
      if (isRasenError(error)) return false;
      throw error;
    }
  }

  close(): void {
    this.#drop(this.#client);
  }

  async #dial(starts: boolean): Promise<Client> {
    if (this.#client) return this.#client;
    this.#dialing ??= this.#connect(starts).finally(() => {
      this.#dialing = undefined;
    });
    return await this.#dialing;
  }

  async #connect(starts: boolean): Promise<Client> {
    const { socket, start } = this.#options;
    let client: Client;
    try {
      client = await connect({ socket });
    } catch (error) {
      if (!starts || !isAway(error)) throw error;
      await start();
      client = await connect({ socket });
    }
    this.#met = true;
    this.#client = client;
    // A connection that ended between two calls must not be used for the second.
    void client.closed.then(() => this.#drop(client));
    return client;
  }

  #drop(client: Client | undefined): void {
    client?.close();
    if (this.#client === client) this.#client = undefined;
  }
}

/** The supervisor is not there, or about to leave; it may be back in a moment. */
function isAway(error: unknown): error is RasenError {
  return isRasenError(error) && (error.kind === 'unreachable' || error.kind === 'shutting_down');
}

function explained(error: RasenError, patience_s?: number): RasenError {
  const message =
    patience_s === undefined
      ? error.message
      : `The supervisor is gone and did not come back within ${patience_s} s.`;
  return new RasenError('unreachable', message, {
    hint: '`rasen run` and `rasen resume` start a supervisor; `rasen doctor` tells what is wrong with one.',
    ...(error.data ? { data: error.data } : {}),
    cause: error,
  });
}
