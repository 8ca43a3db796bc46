/**
 * The loop that moves tasks: look, decide, record, act. Level-triggered: a kick only says "look again". The first pass
 * after a start is the same as any other, so there is no recovery code.
 */
import { isRasenError, messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { advance, countJobs } from '../task/advance.ts';
import type { Clock } from '../task/clock.ts';
import type { Day, Effect, JobFacts, Observed, Result } from '../task/effect.ts';
import { isOver } from '../task/notices.ts';
import { settle, settleFailure } from '../task/settle.ts';
import type { TaskState } from '../task/state.ts';
import type { Entry, Registry } from './registry.ts';

/** What tasks act upon. The real one is world.ts; tests have others. */
export interface World {
  /** Facts of a job, cheap and at once. */
  job(state: TaskState, job: string): JobFacts | null;
  /** Does an effect; again is harmless. `force` is raised when a stop must not wait any longer. */
  perform(state: TaskState, effect: Effect, force: AbortSignal): Promise<Result>;
  /** Free disk is under the mark. */
  diskLow(): boolean;
  /** What all tasks used today. */
  day(): Day;
  nonce(): string;
  /** As in Observed. */
  recordKey(nonce: string): string;
}

export interface ReconcilerOptions {
  registry: Registry;
  world: World;
  clock: Clock;
  log: Log;
  /** Most jobs alive at once, over all tasks; may change meanwhile. */
  settings: { readonly max_live_jobs: number };
}

/** Failed writes and failed effects are tried again after this time; effects at most so often. */
const RETRY_MS = 2000;
const EFFECT_TRIES = 3;
/** The same where the service manager is away: a machine that shuts down, or a manager that restarts, takes its time. */
const AWAY_TRIES = 300;
/** setTimeout cannot wait longer; the pass then only looks and sleeps again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Running {
  abort: AbortController;
  kill: string | null;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  /** Effects under way, by task and key. */
  readonly #running = new Map<string, Running>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #queued = new Set<string>();
  readonly #starved = new Set<string>();
  readonly #failures = new Map<string, number>();
  /** Jobs in events that are not durable yet. */
  #begun = 0;
  #draining = false;
  #suspending = false;
  #closed = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Looks at the task soon. */
  kick(entry: Entry): void {
    if (this.#closed || this.#queued.has(entry.id)) return;
    this.#queued.add(entry.id);
    setImmediate(() => {
      this.#queued.delete(entry.id);
      void this.pass(entry);
    });
  }

  kickAll(): void {
    for (const entry of this.#options.registry.all()) if (entry.state) this.kick(entry);
  }

  /** One pass; never rejects. */
  pass(entry: Entry): Promise<void> {
    return this.#options.registry.exclusive(entry, async () => {
      if (this.#closed || !entry.state) return;
      try {
        await this.#look(entry);
      } catch (error) {
        this.#options.log.error({ task: entry.id, error }, `task ${entry.id}: ${messageOf(error)}`);
        this.#wake(entry, Date.now() + RETRY_MS);
      }
      // Jobs end in passes and in effects, whose end is followed by a pass: here both are seen.
      if (this.#options.registry.jobs < this.#options.settings.max_live_jobs) this.#feed();
    });
  }

  /** Starts nothing new from now on. */
  drain(): void {
    this.#draining = true;
  }

  /** Also ends what runs, to go on under the next supervisor; or takes that back. */
  suspend(on: boolean): void {
    this.#draining = on;
    this.#suspending = on;
    if (on) for (const [key, { abort }] of this.#running) if (isMerge(key)) abort.abort();
    this.kickAll();
  }

  /** A merge is being made; its gates are no jobs. */
  get merges(): boolean {
    return [...this.#running.keys()].some(isMerge);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  async #look(entry: Entry): Promise<void> {
    const { registry, clock } = this.#options;
    const next = advance(entry.state!, state => this.#observe(entry, state), clock);
    // Other tasks are looked at while this is being written: what it is about to start counts already.
    const begun = Math.max(0, countJobs(next.state) - entry.jobs);
    this.#begun += begun;
    try {
      await registry.commit(entry, next.events, next.state);
    } finally {
      this.#begun -= begun;
    }
    if (isOver(next.state)) this.#clear(entry);
    for (const effect of next.effects) this.#start(entry, next.state, effect);
    this.#wake(entry, next.wake_ms);
  }

  #observe(entry: Entry, state: TaskState): Observed {
    const { registry, world, settings } = this.#options;
    const slots = settings.max_live_jobs - (registry.jobs + this.#begun - entry.jobs + countJobs(state));
    if (slots <= 0) this.#starved.add(entry.id);
    return {
      now_ms: Date.now(),
      job: job => world.job(state, job),
      slots,
      disk_low: world.diskLow(),
      day: () => world.day(),
      draining: this.#draining,
      suspending: this.#suspending,
      nonce: () => world.nonce(),
      record_key: nonce => world.recordKey(nonce),
    };
  }

  #start(entry: Entry, state: TaskState, effect: Effect): void {
    const key = `${entry.id} ${effect.key}`;
    const kill = effect.type === 'end' ? effect.kill : null;
    const running = this.#running.get(key);
    if (running) {
      // The same stop again, but without patience now; or what only had to be swept must now be stopped.
      if (kill === 'force' && running.kill !== 'force') running.abort.abort();
      return;
    }
    const mine: Running = { abort: new AbortController(), kill };
    this.#running.set(key, mine);
    if (kill === 'force') mine.abort.abort();
    void this.#act(entry, state, effect, mine, key);
  }

  async #act(entry: Entry, state: TaskState, effect: Effect, mine: Running, key: string): Promise<void> {
    const { world, log } = this.#options;
    try {
      const result = await world.perform(state, effect, mine.abort.signal);
      this.#failures.delete(key);
      await this.#result(entry, effect, result);
    } catch (error) {
      await this.#failed(entry, effect, key, error).catch(problem => {
        log.error(
          { task: entry.id, error: problem },
          `task ${entry.id}: ${effect.key}: ${messageOf(problem)}`,
        );
      });
    } finally {
      if (this.#running.get(key) === mine) this.#running.delete(key);
    }
    if (!this.#closed) this.kick(entry);
  }

  /** Records what came of an effect. A journal that cannot be written now is no failure of the effect: it is tried again. */
  async #result(entry: Entry, effect: Effect, result: Result): Promise<void> {
    const { registry, log } = this.#options;
    while (!this.#closed) {
      try {
        await registry.exclusive(entry, async () => {
          if (this.#closed) return;
          const events = settle(registry.stateOf(entry), effect, result, Date.now());
          if (events) await registry.record(entry, events);
        });
        return;
      } catch (error) {
        if (!isRasenError(error) || error.kind !== 'storage') throw error;
        log.warn({ task: entry.id, effect: effect.key, error }, `task ${entry.id}: ${error.message}`);
        await pause(RETRY_MS);
      }
    }
  }

  async #failed(entry: Entry, effect: Effect, key: string, error: unknown): Promise<void> {
    const { registry, log } = this.#options;
    const tries = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, tries);
    log.warn(
      { task: entry.id, effect: effect.key, error, tries },
      `task ${entry.id}: ${effect.key}: ${messageOf(error)}`,
    );
    if (isRasenError(error) && error.kind === 'shutting_down') return;
    const away = isRasenError(error) && error.kind === 'manager_away';
    const max = away ? AWAY_TRIES : EFFECT_TRIES;
    const expected = isRasenError(error) && !away && error.kind !== 'storage' && error.kind !== 'internal';
    const again = await registry.exclusive(entry, async () => {
      if (this.#closed) return false;
      if (effect.type === 'merge' && (expected || tries >= max)) {
        const known = isRasenError(error) ? error : null;
        const {
          kind = 'internal',
          hint = null,
          data = {},
        } = { kind: known?.kind, hint: known?.hint, data: known?.data };
        await registry.record(entry, [
          { type: 'merge_refused', op: effect.op, kind, message: messageOf(error), hint, data },
        ]);
        return false;
      }
      const events =
        expected || tries >= max
          ? settleFailure(registry.stateOf(entry), effect, whatAndHow(error), Date.now())
          : null;
      if (events && events.length > 0) await registry.record(entry, events);
      return events === null;
    });
    if (again) await pause(RETRY_MS);
  }

  #wake(entry: Entry, at: number | null): void {
    const old = this.#timers.get(entry.id);
    if (old) clearTimeout(old);
    this.#timers.delete(entry.id);
    if (at === null || this.#closed) return;
    const delay = Math.min(MAX_TIMER_MS, Math.max(0, at - Date.now()) + 1);
    this.#timers.set(
      entry.id,
      setTimeout(() => this.kick(entry), delay),
    );
  }

  #clear(entry: Entry): void {
    this.#wake(entry, null);
    this.#starved.delete(entry.id);
    for (const key of this.#failures.keys()) if (key.startsWith(`${entry.id} `)) this.#failures.delete(key);
  }

  /** There is room: those who found none look again. */
  #feed(): void {
    for (const id of this.#starved) {
      const entry = this.#options.registry.get(id);
      if (entry) this.kick(entry);
    }
    this.#starved.clear();
  }
}

/** What went wrong, and what to do about it where that is known. */
const whatAndHow = (error: unknown) =>
  isRasenError(error) && error.hint ? `${error.message}. ${error.hint}` : messageOf(error);

const isMerge = (key: string) => key.includes(' merge:');

const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms));
