/**
 * The triggers of this supervisor: one heap of times and one timer for all of them, a journal for each. As with tasks, a
 * look decides, records, then acts; the first look after a start is like any other.
 */
import { isDeepStrictEqual } from 'node:util';
import { messageOf, RasenError } from '../../contract/errors.ts';
import type { TaskSpec } from '../../contract/spec.ts';
import type { Definition } from '../../contract/trigger.ts';
import type { Log } from '../../log.ts';
import type { LostTrigger } from '../../store/file/trigger-store.ts';
import { advance, stamp } from '../../triggers/advance.ts';
import { CHANGED_MAX, delivered, type Facts, type Hold, type TriggerEffect } from '../../triggers/decide.ts';
import type { NewTriggerEvent, RunEnd, TriggerEvent } from '../../triggers/event.ts';
import { liveRuns, type Receipt, type TriggerState, type Waiting } from '../../triggers/state.ts';
import { ulid } from '../../util/ulid.ts';
import { systemClock } from '../clock.ts';
import { Alarm } from './alarm.ts';
import { overlaps, writeChanges } from './changed-files.ts';
import { findTrigger } from './find.ts';
import { logText } from './log-text.ts';
import { type Performing, perform } from './perform.ts';
import { type Changed, WatchProcess } from './watch-process.ts';

/** What could not be written or submitted for trouble of the machine is tried again. */
const AGAIN_MS = 1000;
const AGAIN_MS_MAX = 30_000;

export interface TriggersOptions extends Performing {
  log: Log;
  /** Command line of the watcher. */
  watch_program: readonly string[];
  hold(spec: TaskSpec, now_ms: number): Hold | null;
  /** What became of a task; null: it goes on. */
  endOf(task: string): RunEnd | null;
}

interface SlotAnswer {
  slot: string;
  receipt: Receipt | null;
  /** It was known already. */
  again: boolean;
}

interface Entry {
  readonly id: string;
  state: TriggerState;
  queue: Promise<unknown>;
  /** Effects under way, and how often they failed. */
  readonly running: Set<string>;
  readonly failed: Map<string, number>;
  watcher: WatchProcess | null;
  /** It looks at once, but not twice. */
  kicked: boolean;
  removed: boolean;
}

export class Triggers {
  readonly #options: TriggersOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #names = new Map<string, string>();
  /** Whose run a task is. */
  readonly #runs = new Map<string, string>();
  readonly #alarm = new Alarm(id => {
    const entry = this.#entries.get(id);
    if (entry) this.#kick(entry);
  });
  readonly #listeners = new Set<(id: string) => void>();
  #closed = false;
  #started = false;

  constructor(options: TriggersOptions) {
    this.#options = options;
  }

  /** Reads all of them. Nothing is started before `start`. */
  load(): void {
    const { store, log } = this.#options;
    for (const state of store.load()) this.#add(state);
    for (const { trigger, message, moved_to } of store.damage)
      log.error({ trigger, moved_to }, `trigger ${trigger} cannot be used: ${message}`);
  }

  start(): void {
    this.#started = true;
    for (const entry of this.#entries.values()) this.#kick(entry);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#alarm.close();
    const entries = [...this.#entries.values()];
    const closed = entries.map(({ watcher }) => watcher?.close());
    await Promise.all([...entries.map(entry => entry.queue), ...closed]);
  }

  /** The wall clock jumped: whatever was waited for may be there. */
  clockJumped(): void {
    for (const entry of this.#entries.values()) this.#kick(entry);
  }

  /** Something happened to a task. */
  taskChanged(task: string): void {
    const entry = this.#entries.get(this.#runs.get(task) ?? '');
    if (entry && this.#options.endOf(task) !== null) this.#kick(entry);
  }

  /** Those that could not be read. */
  get damage(): readonly LostTrigger[] {
    return this.#options.store.damage;
  }

  all(): TriggerState[] {
    return [...this.#entries.values()].map(({ state }) => state);
  }

  watching(id: string): { files: number | null; polling: string | null; pid: number | null } | null {
    const watcher = this.#entries.get(id)?.watcher;
    return watcher ? { files: watcher.files, polling: watcher.polling, pid: watcher.pid } : null;
  }

  get(ref: string): TriggerState {
    return this.#resolve(ref).state;
  }

  /** The same again is the same trigger. Throws `trigger_exists` where another has the name. */
  create(
    id: string,
    definition: Definition,
    env: Record<string, string>,
  ): { created: boolean; state: TriggerState } {
    const known = this.#entries.get(id);
    if (known) return { created: false, state: known.state };
    if (this.#names.has(definition.name))
      throw new RasenError('trigger_exists', `There is a trigger "${definition.name}" already.`, {
        hint: `Look at it with: rasen trigger show ${definition.name}`,
      });
    const { events, state } = stamp(null, [{ type: 'trigger_created', id, definition }], systemClock());
    this.#options.store.create(id, events, env);
    const entry = this.#add(state);
    this.#log(entry, events);
    this.#kick(entry);
    return { created: true, state };
  }

  async edit(ref: string, definition: Definition, env: Record<string, string> | null): Promise<TriggerState> {
    const entry = this.#resolve(ref);
    const other = this.#names.get(definition.name);
    if (other !== undefined && other !== entry.id)
      throw new RasenError('trigger_exists', `There is another trigger "${definition.name}".`);
    // Not in its turn: what the watcher has said waits for that.
    await entry.watcher?.close();
    return await this.#exclusive(entry, async () => {
      this.#unwatch(entry);
      if (env) await this.#options.store.setEnv(entry.id, env);
      if (!isDeepStrictEqual(definition.when, entry.state.definition.when))
        this.#options.store.forgetTree(entry.id);
      await this.#record(entry, [{ type: 'trigger_edited', definition }]);
      return entry.state;
    });
  }

  async pause(ref: string): Promise<TriggerState> {
    const entry = this.#resolve(ref);
    return await this.#exclusive(entry, async () => {
      if (entry.state.status === 'finished') throw over(entry.state, 'pause');
      if (entry.state.paused_by !== 'user')
        await this.#record(entry, [{ type: 'trigger_paused', by: 'user', reason: 'asked for' }]);
      return entry.state;
    });
  }

  async resume(ref: string): Promise<TriggerState> {
    const entry = this.#resolve(ref);
    return await this.#exclusive(entry, async () => {
      if (entry.state.status === 'finished') throw over(entry.state, 'resume');
      if (entry.state.status === 'active') return entry.state;
      // What was changed while nothing was to run counts for nothing.
      this.#options.store.forgetTree(entry.id);
      await this.#record(entry, [{ type: 'trigger_resumed' }]);
      return entry.state;
    });
  }

  /** A slot of its own, now. `op`: the same again is the same slot. */
  async fire(ref: string, op: string, signal: AbortSignal): Promise<SlotAnswer> {
    const entry = this.#resolve(ref);
    if (entry.state.status === 'finished') throw over(entry.state, 'fire');
    return await this.#until(entry, waiting(`fire:${op}`), signal);
  }

  /** A delivery: `key` tells it apart; the same again is the same slot. */
  async deliver(ref: string, key: string, body: unknown, signal: AbortSignal): Promise<SlotAnswer> {
    const entry = this.#resolve(ref);
    if (entry.state.definition.when.kind !== 'webhook')
      throw new RasenError('trigger_state', `Trigger "${entry.state.definition.name}" takes no deliveries.`);
    const slot = `delivery:${key}`;
    const payload = `${Buffer.from(key).toString('hex').slice(0, 120)}.json`;
    return await this.#until(entry, { ...waiting(slot), payload }, signal, body);
  }

  async remove(ref: string): Promise<TriggerState> {
    const entry = this.#resolve(ref);
    return await this.#exclusive(entry, async () => {
      this.#options.store.remove(entry.id);
      this.#drop(entry);
      this.#options.log.info({ trigger: entry.id }, `trigger ${entry.state.definition.name} was removed`);
      return entry.state;
    });
  }

  #add(state: TriggerState): Entry {
    const entry: Entry = {
      ...{ id: state.id, state, queue: Promise.resolve(), running: new Set(), failed: new Map() },
      ...{ watcher: null, kicked: false, removed: false },
    };
    this.#entries.set(state.id, entry);
    this.#names.set(state.definition.name, state.id);
    for (const { task } of [...state.taken, ...state.runs]) this.#runs.set(task, state.id);
    return entry;
  }

  #drop(entry: Entry): void {
    entry.removed = true;
    this.#unwatch(entry);
    this.#alarm.set(entry.id, null);
    this.#entries.delete(entry.id);
    this.#names.delete(entry.state.definition.name);
    for (const { task } of [...entry.state.taken, ...entry.state.runs]) this.#runs.delete(task);
    this.#changed(entry);
  }

  #resolve(ref: string): Entry {
    const id = this.#names.get(ref) ?? findTrigger(this.all(), ref).id;
    return this.#entries.get(id)!;
  }

  #exclusive<T>(entry: Entry, work: () => Promise<T>): Promise<T> {
    const run = entry.queue.then(() => {
      if (entry.removed)
        throw new RasenError('trigger_unknown', `Trigger "${entry.state.definition.name}" was removed.`);
      return work();
    });
    const kick = () => this.#kick(entry);
    entry.queue = run.then(kick, kick);
    return run;
  }

  #kick(entry: Entry): void {
    if (entry.kicked || this.#closed || !this.#started || entry.removed) return;
    entry.kicked = true;
    setImmediate(() => {
      entry.kicked = false;
      if (this.#closed || entry.removed) return;
      const look = entry.queue.then(() => this.#look(entry));
      entry.queue = look.catch(error => this.#unwell(entry, error));
    });
  }

  /** Decides, records, acts. Only one at a time for each trigger. */
  async #look(entry: Entry): Promise<void> {
    if (this.#closed || entry.removed) return;
    const next = advance(entry.state, this.#facts(entry.state));
    await this.#commit(entry, next.events, next.state);
    this.#watch(entry);
    for (const effect of next.effects) void this.#act(entry, effect);
    if (next.wake_ms === 0) this.#kick(entry);
    else this.#wake(entry, next.wake_ms);
  }

  #facts({ definition }: TriggerState): Facts {
    const { endOf, hold } = this.#options;
    const clock = systemClock();
    let known: Hold | null | undefined;
    return {
      clock,
      run: endOf,
      hold: () => {
        if (known === undefined) known = hold(definition.task, Date.parse(clock.t));
        return known;
      },
      newTask: () => ulid(),
      draining: this.#closed,
    };
  }

  async #record(entry: Entry, added: readonly NewTriggerEvent[]): Promise<void> {
    const { events, state } = stamp(entry.state, added, systemClock());
    await this.#commit(entry, events, state);
  }

  async #commit(entry: Entry, events: readonly TriggerEvent[], state: TriggerState): Promise<void> {
    if (events.length === 0) return;
    const { name } = entry.state.definition;
    entry.state = await this.#options.store.append(entry.id, events, state);
    for (const event of events) {
      if (event.type === 'slot_taken') this.#runs.set(event.task, entry.id);
      else if (event.type === 'run_released') this.#runs.delete(event.task);
    }
    if (state.definition.name !== name) {
      this.#names.delete(name);
      this.#names.set(state.definition.name, entry.id);
    }
    if (events.some(({ type }) => type === 'run_released' || type === 'slots_passed')) this.#sweep(entry);
    this.#log(entry, events);
    this.#changed(entry);
  }

  #sweep({ id, state }: Entry): void {
    if (state.definition.when.kind !== 'watch' && state.definition.when.kind !== 'webhook') return;
    const needed = [...state.queue, ...state.taken, ...state.runs].flatMap(({ payload }) => payload ?? []);
    this.#options.store.sweepPayloads(id, new Set(needed));
  }

  #changed({ id }: Entry): void {
    for (const listener of this.#listeners) listener(id);
  }

  async #act(entry: Entry, effect: TriggerEffect): Promise<void> {
    const key =
      effect.type === 'submit'
        ? `submit ${effect.slot}`
        : 'task' in effect
          ? `${effect.type} ${effect.task}`
          : effect.key;
    if (entry.running.has(key)) return;
    entry.running.add(key);
    try {
      const events = await perform(this.#options, entry.state, effect);
      entry.failed.delete(key);
      if (events.length > 0) await this.#settle(entry, events);
    } catch (error) {
      if (this.#closed || entry.removed) return;
      const tries = (entry.failed.get(key) ?? 0) + 1;
      entry.failed.set(key, tries);
      const { name } = entry.state.definition;
      if (tries === 1 || tries % 100 === 0)
        this.#options.log.warn(
          { trigger: entry.id, error },
          `trigger ${name}: ${key}: ${messageOf(error)}; it is tried again`,
        );
      await pause(Math.min(AGAIN_MS * 2 ** Math.min(tries - 1, 10), AGAIN_MS_MAX));
    } finally {
      entry.running.delete(key);
    }
    this.#kick(entry);
  }

  /** As `record`, in its turn. */
  #settle(entry: Entry, events: readonly NewTriggerEvent[]): Promise<void> {
    const run = entry.queue.then(async () => {
      if (!this.#closed && !entry.removed) await this.#record(entry, events);
    });
    entry.queue = run.catch(() => {});
    return run;
  }

  /** Records a slot that does not come by the clock, once; then the trigger looks. */
  /** Whether it was known already. */
  async #deliver(entry: Entry, slot: Waiting, body?: unknown): Promise<boolean> {
    return await this.#exclusive(entry, async () => {
      if (receiptOf(entry.state, slot.slot) || isPending(entry.state, slot.slot)) return true;
      const events = delivered(entry.state, slot);
      if (slot.payload !== null && events.some(({ type }) => type === 'slot_queued'))
        this.#options.store.writePayload(entry.id, slot.payload, body);
      await this.#record(entry, events);
      return false;
    });
  }

  /** Resolves with the receipt; or with none where the slot waits for its turn. */
  async #until(entry: Entry, slot: Waiting, signal: AbortSignal, body?: unknown) {
    const again = await this.#deliver(entry, slot, body);
    const name = slot.slot;
    return await new Promise<SlotAnswer>((resolve, reject) => {
      const look = () => {
        const receipt = receiptOf(entry.state, name);
        const { taken, queue } = entry.state;
        const begins =
          taken.some(one => one.slot === name) || (queue[0]?.slot === name && !this.#isBusy(entry));
        if (!receipt && begins && !entry.removed) return;
        done();
        resolve({ slot: name, receipt, again });
      };
      const abort = () => {
        done();
        reject(signal.reason);
      };
      const listener = (id: string) => id === entry.id && look();
      const done = () => {
        this.#listeners.delete(listener);
        signal.removeEventListener('abort', abort);
      };
      this.#listeners.add(listener);
      signal.addEventListener('abort', abort, { once: true });
      look();
    });
  }

  #isBusy({ state }: Entry): boolean {
    const live = liveRuns(state).filter(({ task }) => this.#options.endOf(task) === null);
    const { hold } = this.#options;
    return state.status !== 'active' || live.length > 0 || hold(state.definition.task, Date.now()) !== null;
  }

  /** Starts the watcher of a trigger that is to have one, and ends that of one that is not. */
  #watch(entry: Entry): void {
    const { status, definition } = entry.state;
    const { when } = definition;
    if (when.kind !== 'watch' || status !== 'active') {
      if (entry.watcher) this.#unwatch(entry);
      return;
    }
    if (entry.watcher) return;
    const { store, watch_program, log } = this.#options;
    const { kind: _, ...rest } = when;
    entry.watcher = new WatchProcess({
      program: watch_program,
      order: { root: definition.task.project, ...rest, tree: store.treeFile(entry.id) },
      ready: () => this.#firstRun(entry),
      changed: changes => this.#filesChanged(entry, changes),
      told: text => log.warn({ trigger: entry.id }, `trigger ${definition.name}: ${text}`),
    });
  }

  /** Not before the files are watched: what is changed after it has looked at them would be missed. */
  #firstRun(entry: Entry): void {
    const { counts, queue, taken, runs } = entry.state;
    const slots = Object.values(counts).reduce(
      (sum, count) => sum + count,
      queue.length + taken.length + runs.length,
    );
    if (slots === 0) void this.#deliver(entry, waiting('start')).catch(error => this.#unwell(entry, error));
  }

  #unwatch(entry: Entry): void {
    entry.watcher?.kill();
    entry.watcher = null;
  }

  /** A settled change is a slot. While another waits for its turn, it is joined into that one, with its files. */
  async #filesChanged(entry: Entry, { paths, first_ms, last_ms }: Changed): Promise<void> {
    await this.#exclusive(entry, async () => {
      const { state } = entry;
      if (state.status !== 'active') return;
      const now = Date.now();
      const during = state.taken.length > 0 || state.runs.some(run => overlaps(run, first_ms, last_ms));
      const slot = `change:${new Date(now).toISOString()}-${state.seq}`;
      const changed = during ? paths.slice(0, CHANGED_MAX) : null;
      const mine: Waiting = { slot, due: now, payload: `${ulid()}.json`, changed };
      const events = delivered(state, mine);
      writeChanges(this.#options.store, state, events, mine, paths);
      await this.#record(entry, events);
    });
  }

  #wake(entry: Entry, at: number | null): void {
    if (!this.#closed) this.#alarm.set(entry.id, at);
  }

  #unwell(entry: Entry, error: unknown): void {
    if (this.#closed || entry.removed) return;
    this.#options.log.error(
      { trigger: entry.id, error },
      `trigger ${entry.state.definition.name}: ${messageOf(error)}`,
    );
    this.#wake(entry, Date.now() + AGAIN_MS);
  }

  #log({ id, state }: Entry, events: readonly TriggerEvent[]): void {
    const { log } = this.#options;
    for (const event of events) {
      const text = logText(event);
      if (text !== null)
        log.info({ trigger: id, event: event.type }, `trigger ${state.definition.name}: ${text}`);
    }
  }
}

const waiting = (slot: string): Waiting => ({ slot, due: Date.now(), payload: null, changed: null });
const pause = (ms: number) => new Promise<void>(resolve => void setTimeout(resolve, ms).unref());

const isPending = ({ queue, taken }: TriggerState, slot: string): boolean =>
  [...queue, ...taken].some(one => one.slot === slot);

const receiptOf = ({ receipts }: TriggerState, slot: string): Receipt | null =>
  receipts.findLast(receipt => receipt.slot === slot) ?? null;

function over({ definition, reason }: TriggerState, verb: string): RasenError {
  return new RasenError('trigger_state', `Cannot ${verb} "${definition.name}": it is finished (${reason}).`, {
    hint: `Give it new times with: rasen trigger edit ${definition.name}`,
  });
}
