/**
 * Tasks as the disk has them, for a command that meets no supervisor: the same requests, answered by the same handlers,
 * over a store that is only read. Nothing is written, locked or mended, so that a supervisor may start at any moment.
 */
import { existsSync } from 'node:fs';
import { RasenError } from '../contract/errors.ts';
import { METHODS, type MethodName } from '../contract/methods/index.ts';
import { isAtRest } from '../contract/status.ts';
import type { TaskState } from '../engine/state.ts';
import type { Log } from '../log.ts';
import type { Paths } from '../paths.ts';
import type { CallOptions, OnNotify } from '../rpc/client.ts';
import { bootId } from '../runner/identity.ts';
import { secretPlaces } from '../secrets/places.ts';
import { FileStore } from '../store/file/file-store.ts';
import { systemClock } from './clock.ts';
import { stateFindings } from './doctor.ts';
import type { AskContext, Handler, Reading } from './handlers/define.ts';
import { READING } from './handlers/reading.ts';
import { Masks } from './masks.ts';
import { Places } from './places.ts';
import { Reader } from './reader.ts';
import { Registry } from './registry.ts';
import { TriggerReader } from './triggers/reader.ts';
import { StoredTriggers } from './triggers/stored.ts';

/** What is read has no log of its own. */
const NO_LOG: Log = { info: () => {}, warn: () => {}, error: () => {} };

/** A connection to nobody: `call` and `stream` are those of a client. */
export class Disk {
  readonly #registry: Registry;
  readonly #reading: Reading;
  readonly #triggers: StoredTriggers;
  readonly #died: boolean;

  /** Reads every task that is not over, and of the others what a list shows. Throws what the system says. */
  constructor(paths: Paths, env: NodeJS.ProcessEnv) {
    // Removed at an end in good order.
    this.#died = existsSync(paths.pid);
    const store = new FileStore(paths, undefined, { only_reads: true });
    const registry = new Registry(store, systemClock, undefined, null);
    registry.load();
    const masks = new Masks({ store, secrets: secretPlaces(paths), log: NO_LOG, env });
    const reader = new Reader({ registry, store, places: new Places(paths), masks });
    this.#registry = registry;
    this.#triggers = new StoredTriggers(paths);
    this.#reading = {
      ...{ reader, registry },
      trigger_reader: new TriggerReader(this.#triggers),
      doctor: async () => ({ findings: await stateFindings(store, registry), agents: [] }),
    };
  }

  /** Whether one of these tasks (absent: of all) would go on by itself if a supervisor ran. Throws as `task.get`. */
  goesOn(refs?: readonly string[]): boolean {
    const entries = refs?.map(ref => this.#registry.resolve(ref)) ?? [...this.#registry.all()];
    return entries.some(({ state }) => state !== null && goesOn(state));
  }

  /**
   * Whether there is work that its supervisor has left without an end in good order: it was killed, or the machine went
   * down; active triggers are such work, too. Whoever sees it starts a supervisor. Work that a service manager keeps for the next one is not among it.
   */
  get isOrphaned(): boolean {
    const boot = bootId();
    if (this.#died && this.#triggers.areActive) return true;
    return [...this.#registry.all()].some(
      ({ state }) => state !== null && goesOn(state) && (this.#died || state.boot !== boot),
    );
  }

  call(method: string, params: unknown, options: CallOptions = {}): Promise<unknown> {
    return this.stream(method, params, () => {}, options);
  }

  async stream(
    name: string,
    params: unknown,
    onNotify: OnNotify,
    { signal = new AbortController().signal }: CallOptions = {},
  ): Promise<unknown> {
    const method = METHODS.find(one => one.name === name);
    const handle = (READING as Partial<Record<string, Handler<MethodName, Reading>>>)[name];
    if (!method || !handle) throw new RasenError('unreachable', `No supervisor runs, and ${name} needs one.`);
    const parsed = method.params.safeParse(params ?? {});
    if (!parsed.success) throw new RasenError('usage', `${name}: ${parsed.error.issues[0]!.message}`);
    const context = contextOf(onNotify, signal);
    // Nobody writes: what is there is all there will be.
    const asked = { ...(parsed.data as object), ...(method.stream ? { follow: false } : {}) };
    return await handle(asked as never, this.#reading, context as AskContext);
  }
}

/** Something happens with it by itself; so it does where it is at rest and is being rolled back. */
const goesOn = (state: TaskState): boolean => !isAtRest(state.status) || state.rollback !== undefined;

/** A request of our own process: it takes what it is sent at once. */
function contextOf(onNotify: OnNotify, signal: AbortSignal): Omit<AskContext, 'origin'> {
  const id = 0;
  const take = async (method: string, params: unknown) => {
    signal.throwIfAborted();
    await onNotify(method, { request: id, ...(params as object) });
  };
  return {
    ...{ id, signal, connection: 0, behind: false, notify: take },
    peer: { fd: null, since_s: 0, program: null },
    turn: async work => {
      const sent: [method: string, params: unknown][] = [];
      const done = await work((method, params) => void sent.push([method, params]));
      for (const one of sent) await take(...one);
      return done;
    },
  };
}
