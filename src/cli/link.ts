/**
 * The way of a command to the supervisor: one connection for all calls of the command, made again when the supervisor
 * restarts in between. Whoever calls through `persist` must be able to repeat the call: reads, streams with a cursor,
 * and requests with an id or op of their own.
 *
 * When nobody answers, a command that reads is answered from the disk, one that changes something starts a supervisor,
 * and one that follows does so as long as there is something that goes on. Work that a supervisor has left (it was
 * killed, or the machine went down) gets a new one by the next command of any kind.
 */
import { isRasenError, messageOf, RasenError } from '../contract/errors.ts';
import { type Client, connect, type MethodName } from '../index.ts';
import type { Program } from '../rpc/hello.ts';
import { explainMisfit } from './other-release.ts';
import { monotonicMs, sleep } from './time.ts';

export const LINK_LIMITS = {
  /** How long a call is repeated after the supervisor was lost. */
  call_patience_ms: 30_000,
  /** The same for streams, which people leave open over an upgrade. */
  stream_patience_ms: 60_000,
  pause_min_ms: 25,
  pause_max_ms: 1_000,
  /** How long one that was lost may take to come back by itself before a command that needs one does something. */
  grace_ms: 3_000,
  /** A connection that lived so long was a good one, even when it was silent. */
  good_ms: 5_000,
  /** A supervisor that says nothing for so long is asked after. */
  silence_ms: 500,
} as const;

type Limits = { readonly [name in keyof typeof LINK_LIMITS]: number };

/** Tasks as the disk has them; requests that only read are answered as a supervisor would. */
export interface Disk extends Pick<Client, 'call' | 'stream'> {
  /** Whether one of these tasks (absent: of all) would go on by itself if a supervisor ran. */
  goesOn(refs?: readonly string[]): boolean;
  /** There is work that its supervisor has left without an end in good order. */
  readonly isOrphaned: boolean;
}

export interface LinkOptions {
  socket: string;
  /** Starts a supervisor and returns when it answers. */
  start(): Promise<void>;
  /** Reads what is on the disk now. */
  disk(): Disk | Promise<Disk>;
  /** False inside of an attempt: what is started there would end with it. */
  adopts: boolean;
  note(text: string): void;
  /**
   * Why nobody answers, or says hello on a connection that was made: a service manager keeps clients waiting, also for a
   * supervisor that cannot start. Null: it may come, or nobody knows. Asked again and again while it does not.
   */
  whySilent?(): Promise<RasenError | null>;
  /** The command that restarts the supervisor which answers. */
  howToRestart(): Promise<string>;
  limits?: Partial<Limits>;
  /** Who asks, for the journal. Default: the command line. */
  client?: Program;
  /** We run in the sandbox of a task, where the supervisor is out of reach on purpose: none is looked for or started. */
  sandboxed?: boolean;
}

export interface PersistOptions<T> {
  /** Starts a supervisor where none answers. */
  starts?: boolean;
  /** Is answered from the disk where none answers. */
  reads?: boolean;
  /** Follows what goes on: the answer where the disk says that nothing does, or undefined, and then one is started. */
  settled?: (disk: Disk) => Promise<T | undefined>;
  patience_ms?: number;
}

/** What the disk can tell as well. */
const READS: ReadonlySet<MethodName> = new Set<MethodName>([
  'task.get',
  'task.list',
  'task.plan',
  'task.report',
  'trigger.get',
  'trigger.list',
  'trigger.log',
  'trigger.next',
]);
/** About the supervisor itself: none is started to be asked. */
const ABOUT_IT: ReadonlySet<MethodName> = new Set<MethodName>(['daemon.status', 'daemon.doctor']);

export class Link {
  readonly #options: LinkOptions;
  readonly #limits: Limits;
  #client: Client | undefined;
  /** A connection that is being made; streams that lost theirs together must not make one each. */
  #dialing: Promise<Client> | undefined;
  /** A supervisor has answered this command before. */
  #met = false;
  /** Why the supervisor says nothing. */
  #why: RasenError | undefined;
  /** What was read from the disk, once for the command. */
  #disk: Disk | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#limits = { ...LINK_LIMITS, ...options.limits };
  }

  get limits(): Limits {
    return this.#limits;
  }

  /** The answers of this command are what the disk says; no supervisor runs. */
  get isFromDisk(): boolean {
    return this.#disk !== undefined;
  }

  /** One call that may be repeated. */
  call: Client['call'] = (method, params, options) =>
    this.persist(client => client.call(method, params, options), {
      reads: READS.has(method),
      starts: !READS.has(method) && !ABOUT_IT.has(method),
    });

  /**
   * Runs `attempt`, again and again while the supervisor is away for no longer than the patience. The attempt says
   * `alive()` for whatever it hears. Throws `unreachable` at once when none answered in the first place, and the options
   * know no other way.
   */
  async persist<T>(
    attempt: (client: Pick<Client, 'call' | 'stream'>, alive: () => void) => Promise<T>,
    options: PersistOptions<T> = {},
  ): Promise<T> {
    const { starts = false, reads = false, settled, patience_ms = this.#limits.call_patience_ms } = options;
    if (reads && this.#disk) return await attempt(this.#disk, () => {});
    let lost_at: number | null = null;
    for (let pause = this.#limits.pause_min_ms; ; pause = Math.min(pause * 2, this.#limits.pause_max_ms)) {
      const began = monotonicMs();
      let good = false;
      let client: Client | undefined;
      try {
        client = await this.#dial(starts);
        const work = attempt(client, () => {
          good = true;
        });
        return await Promise.race([work, this.#silenceOf(client)]);
      } catch (error) {
        if (isRasenError(error) && error === this.#why && reads)
          return await attempt(await this.#instead(error), () => {});
        if (!isAway(error)) throw client ? await this.#inWords(error, client) : error;
        this.#drop(client);
        const now = monotonicMs();
        if (good || now - began > this.#limits.good_ms) {
          lost_at = null;
          pause = this.#limits.pause_min_ms;
        }
        lost_at ??= now;
        const patient = this.#met && now - lost_at < this.#limits.grace_ms;
        if (settled) {
          const answer = await this.#settled(settled, error, patient);
          if (answer !== undefined) return answer;
          if (!patient) await this.#startAgain();
        } else if (reads && !patient) {
          const disk = await this.#orDisk(error);
          if (disk) return await attempt(disk, () => {});
        } else if (!this.#met) throw (await this.#options.whySilent?.()) ?? explained(error);
        if (now - lost_at >= patience_ms) throw explained(error, Math.round(patience_ms / 1000));
      }
      await sleep(pause);
    }
  }

  /** A supervisor of another release refuses what it does not know. */
  async #inWords(error: unknown, client: Client): Promise<unknown> {
    return await explainMisfit(error, client, this.#options.howToRestart);
  }

  /** Asks the disk, where no supervisor runs. */
  async fromDisk<T>(ask: (disk: Disk) => Promise<T>): Promise<T> {
    return await ask(this.#disk ?? (await this.#read(undefined)));
  }

  /** For a command that needs no answer of one: work that a supervisor has left gets a new one. */
  async adopt(): Promise<void> {
    if (!(await this.reachable())) await this.#orDisk(undefined);
  }

  /** The disk, where it is known why the supervisor does not come; that is told. */
  async #instead(why: RasenError): Promise<Disk> {
    this.#drop(this.#client);
    this.#options.note(`${why.message}${why.hint ? `\n  ${why.hint}` : ''}`);
    this.#disk = await this.#options.disk();
    return this.#disk;
  }

  /** What to answer with where none answers; null: one was started, since there was work without an owner. */
  async #orDisk(error: unknown): Promise<Disk | null> {
    const { start, adopts, note } = this.#options;
    const found = await this.#read(error);
    if (found.isOrphaned && adopts) {
      try {
        await start();
        return null;
      } catch (problem) {
        note(messageOf(problem));
      }
    }
    this.#disk = found;
    return found;
  }

  /** As `settled`; what the disk cannot tell is no reason to give up while the supervisor may come back. */
  async #settled<T>(
    settled: NonNullable<PersistOptions<T>['settled']>,
    error: unknown,
    patient: boolean,
  ): Promise<T | undefined> {
    try {
      return await settled(await this.#read(error));
    } catch (problem) {
      if (!patient) throw problem;
      return undefined;
    }
  }

  /** Throws `unreachable` where the disk cannot be read either. */
  async #read(error: unknown): Promise<Disk> {
    try {
      return await this.#options.disk();
    } catch (problem) {
      if (isRasenError(problem)) throw problem;
      throw explained(error, undefined, messageOf(problem));
    }
  }

  async #startAgain(): Promise<void> {
    const { start, adopts } = this.#options;
    if (!adopts) throw explained(undefined, undefined, 'none is started from inside of an attempt');
    try {
      await start();
    } catch (error) {
      throw explained(error, undefined, messageOf(error));
    }
  }

  /** Another connection, for calls while a stream has the first. The caller closes it. */
  async extra(): Promise<Client> {
    return await connect({ socket: this.#options.socket });
  }

  /** Whether a supervisor answers; never starts one. */
  async reachable(): Promise<boolean> {
    if (this.#options.sandboxed) return false;
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
    const { socket, start, sandboxed, client: program } = this.#options;
    const where = program ? { socket, client: program } : { socket };
    if (sandboxed) throw outOfReach();
    let client: Client;
    try {
      client = await connect(where);
    } catch (error) {
      if (!starts || !isAway(error)) throw error;
      await start();
      client = await connect(where);
    }
    this.#met = true;
    this.#client = client;
    // A connection that ended between two calls must not be used for the second.
    void client.closed.then(() => this.#drop(client));
    return client;
  }

  /** Rejects when it is known why the supervisor says no hello; never resolves. */
  async #silenceOf(client: Client): Promise<never> {
    const { whySilent } = this.#options;
    let over = whySilent === undefined;
    const done = () => {
      over = true;
    };
    const heard = Promise.race([client.hello.then(done, done), client.closed.then(done)]);
    while (!over) {
      await Promise.race([heard, quietly(this.#limits.silence_ms)]);
      const why = over ? null : await whySilent!();
      if (why === null || over) continue;
      this.#why = why;
      throw why;
    }
    return await new Promise<never>(() => {});
  }

  #drop(client: Client | undefined): void {
    client?.close();
    if (this.#client === client) this.#client = undefined;
  }
}

/** As `sleep`, without keeping a command that is through. */
function quietly(ms: number): Promise<void> {
  return new Promise(resolve => void setTimeout(resolve, ms).unref());
}

function outOfReach(): RasenError {
  return new RasenError(
    'not_permitted',
    'This runs in the sandbox of a task, from which rasen is out of reach. Nothing was done.',
    { hint: 'What a session has to say, it says in its result: the file that RASEN_RESULT_FILE names.' },
  );
}

/** The supervisor is not there, or about to leave; it may be back in a moment. */
function isAway(error: unknown): error is RasenError {
  return isRasenError(error) && (error.kind === 'unreachable' || error.kind === 'shutting_down');
}

function explained(error: unknown, patience_s?: number, problem?: string): RasenError {
  const known = isRasenError(error) ? error : undefined;
  const message =
    problem !== undefined
      ? `No supervisor answers: ${problem}`
      : patience_s === undefined
        ? (known?.message ?? 'No supervisor answers.')
        : `The supervisor is gone and did not come back within ${patience_s} s.`;
  return new RasenError('unreachable', message, {
    hint: known?.kind === 'spawn' && known.hint ? known.hint : '`rasen doctor` tells what is wrong with it.',
    ...(known?.data ? { data: known.data } : {}),
    cause: error,
  });
}
