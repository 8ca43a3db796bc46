/**
 * The loop that moves tasks: look, decide, record, act. Level-triggered: a kick only says "look again". The first pass
 * after a start is the same as any other, so there is no recovery code.
 */
import { type ErrorKind, isRasenError, messageOf, RasenError } from '../contract/errors.ts';
import { isAtRest } from '../contract/status.ts';
import { advance, countJobs } from '../engine/advance.ts';
import type { Clock } from '../engine/clock.ts';
import type { Day, Effect, EffectType, JobFacts, Observed, Result, Trouble } from '../engine/effect.ts';
import { isOver } from '../engine/notices.ts';
import { type Failure, settle, settleFailure } from '../engine/settle.ts';
import type { TaskState } from '../engine/state.ts';
import { troubleOf } from '../host/trouble.ts';
import type { Log } from '../log.ts';
import type { Entry, Registry } from './registry.ts';
import { byPriority, Turns } from './turns.ts';

/** What tasks act upon. The real one is world.ts; tests have others. */
export interface World {
  /** Facts of a job, cheap and at once. */
  job(state: TaskState, job: string): JobFacts | null;
  /** The command of a job has ended, and its runner waits until that can be written down. */
  recording(state: TaskState): boolean;
  /** Does an effect; again is harmless. `force` is raised when a stop must not wait any longer. */
  perform(state: TaskState, effect: Effect, force: AbortSignal): Promise<Result>;
  /** Ends what an earlier supervisor left running of the merge that is asked for. */
  endMergeJobs(state: TaskState): Promise<void>;
  /** What a disk of the task has too little of, as a sentence; null: it has enough. Cheap. */
  diskLow(state: TaskState): string | null;
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
  settings: { readonly max_live_jobs: number; readonly groups: Readonly<Record<string, number>> };
}

/** Failed writes and failed effects are tried again after this time; effects at most so often. */
const RETRY_MS = 2000;
const EFFECT_TRIES = 3;
/** Somebody waits for the answer. */
const ASKED_RETRY_MS = 300;
/** Trouble of the machine is tried again for as long as it lasts, sooner at first; what is logged of it, seldom. */
const TROUBLE_MS = { first: 250, last: 10_000 };
/** What is over by then was none that anybody has to know of. */
const TROUBLE_TRIES = 3;
const LOGGED_EVERY_MS = 10 * 60_000;
/** setTimeout cannot wait longer; the pass then only looks and sleeps again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** An effect that meets trouble of the machine. */
interface Troubled {
  trouble: Trouble;
  tries: number;
  /** performance.now() of the next try, and of the last line of the log. */
  next: number;
  logged: number;
}

interface Running {
  type: EffectType;
  abort: AbortController;
  kill: string | null;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #turns: Turns;
  /** Effects under way, by task and key. */
  readonly #running = new Map<string, Running>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #queued = new Set<string>();
  readonly #starved = new Set<string>();
  readonly #failures = new Map<string, number>();
  /** By task, by key of the effect. */
  readonly #troubles = new Map<string, Map<string, Troubled>>();
  /** Why what came of an effect of a task cannot be written to its journal. */
  readonly #unwritten = new Map<string, Trouble>();
  /** Jobs in events that are not durable yet. */
  #begun = 0;
  #draining = false;
  #suspending = false;
  #closed = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#turns = new Turns(options);
    options.registry.listen((entry, state, events) => {
      for (const next of this.#turns.freed(entry, state, events)) this.kick(next);
    });
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
    for (const entry of byPriority([...this.#options.registry.all()])) if (entry.state) this.kick(entry);
  }

  /** One pass; never rejects. */
  pass(entry: Entry): Promise<void> {
    return this.#options.registry.exclusive(entry, async () => {
      if (this.#closed || !entry.state) return;
      try {
        await this.#look(entry);
      } catch (error) {
        this.#options.log.error({ task: entry.id, error }, `task ${entry.id}: ${messageOf(error)}`);
        this.#hamper(entry, error);
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
    if (on) for (const { abort, type } of this.#running.values()) if (type === 'merge') abort.abort();
    this.kickAll();
  }

  /** A merge or a rollback is being made, which are no jobs. */
  get busy(): boolean {
    return [...this.#running.keys()].some(key => isAsked(key.slice(key.indexOf(' ') + 1)));
  }

  /** Tells the merge of a task to end before its branch moves. False: it is not under way now, and nothing of it is left. */
  async cancelMerge(entry: Entry): Promise<boolean> {
    const merge = entry.state?.merge;
    const running = merge && this.#running.get(`${entry.id} merge:${merge.op}`);
    running?.abort.abort(mergeCancelled(entry.id));
    if (merge && !running) await this.#options.world.endMergeJobs(entry.state!);
    return !!running;
  }

  close(): void {
    this.#closed = true;
    for (const { abort, type } of this.#running.values()) if (type === 'probe') abort.abort();
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
      await this.#turns.entering(entry.state!, next.state, () =>
        registry.commit(entry, next.events, next.state),
      );
      registry.stuck(
        entry,
        this.#unwritten.get(entry.id) ?? this.#askedTrouble(entry) ?? this.#unrecorded(next.state),
      );
    } finally {
      this.#begun -= begun;
    }
    if (isOver(next.state)) this.#clear(entry);
    const moot = this.#forgetTroubles(entry, next.effects);
    this.#endProbes(entry, next.effects);
    for (const effect of next.effects) this.#start(entry, next.state, effect);
    const tries = [...(this.#troubles.get(entry.id) ?? [])]
      .filter(([key]) => !this.#running.has(`${entry.id} ${key}`))
      .map(([, { next: at }]) => Date.now() + Math.max(0, at - performance.now()));
    const wakes = [next.wake_ms, ...tries].filter(at => at !== null);
    this.#wake(entry, wakes.length === 0 ? null : Math.min(...wakes));
    if (moot) this.kick(entry);
  }

  /** Ends looks at services that nobody asks for any more. */
  #endProbes(entry: Entry, asked: readonly Effect[]): void {
    const wanted = new Set(asked.map(({ key }) => `${entry.id} ${key}`));
    for (const [key, { type, abort }] of this.#running)
      if (type === 'probe' && key.startsWith(`${entry.id} `) && !wanted.has(key)) abort.abort();
  }

  /** Drops the trouble of effects that nobody asks for any more; true: there was some. */
  #forgetTroubles(entry: Entry, asked: readonly Effect[]): boolean {
    const troubles = this.#troubles.get(entry.id);
    if (!troubles) return false;
    const before = troubles.size;
    for (const key of troubles.keys()) if (!asked.some(effect => effect.key === key)) troubles.delete(key);
    const moot = troubles.size < before;
    if (troubles.size === 0) this.#troubles.delete(entry.id);
    return moot;
  }

  /** Of the merge or rollback that a person asked for, while the task itself is at rest. */
  #askedTrouble({ id, state }: Entry): Trouble | null {
    if (!state || !isAtRest(state.status)) return null;
    const asked = [...(this.#troubles.get(id) ?? [])].find(([key]) => isAsked(key))?.[1];
    // A lock was waited for already.
    return asked && (asked.tries >= TROUBLE_TRIES || asked.trouble.why === 'lock') ? asked.trouble : null;
  }

  /** Work that has ended, and whose runner waits until the disk takes the record of it: it only looks as if it ran. */
  #unrecorded(state: TaskState): Trouble | null {
    for (const { id, attempt } of state.steps) {
      if (!attempt) continue;
      const gate = attempt.gates.find(g => g.live)?.job;
      const job = gate ?? (attempt.phase === 'running' ? attempt.job : null);
      if (job && this.#options.world.job(state, job)?.recording)
        return {
          why: 'disk',
          message: `${id}, attempt ${attempt.n}: ${gate ? 'a gate' : 'it'} has ended, and waits for the disk to take the record of that`,
        };
    }
    // Gates of a merge are in no attempt.
    if (!state.merge || !this.#options.world.recording(state)) return null;
    return {
      why: 'disk',
      message: 'the merge: a gate has ended, and waits for the disk to take the record of that',
    };
  }

  /** No event can tell of it: the views do. */
  #hamper(entry: Entry, error: unknown): Trouble | null {
    const trouble = troubleOf(error);
    const told = trouble && { ...trouble, message: `it cannot be looked after now: ${trouble.message}` };
    if (told) this.#options.registry.stuck(entry, told);
    return told;
  }

  #observe(entry: Entry, state: TaskState): Observed {
    const { registry, world, settings } = this.#options;
    const slots = settings.max_live_jobs - (registry.jobs + this.#begun - entry.jobs + countJobs(state));
    if (slots <= 0) this.#starved.add(entry.id);
    return {
      now_ms: Date.now(),
      job: job => world.job(state, job),
      slots,
      disk_low: world.diskLow(state),
      turn: this.#turns.of(state),
      troubles: new Map(
        [...(this.#troubles.get(entry.id) ?? [])]
          .filter(([, { tries }]) => tries >= TROUBLE_TRIES)
          .map(([key, { trouble }]) => [key, trouble]),
      ),
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
    const troubled = this.#troubles.get(entry.id)?.get(effect.key);
    if (troubled && troubled.next > performance.now()) return;
    const mine: Running = { type: effect.type, abort: new AbortController(), kill };
    this.#running.set(key, mine);
    if (kill === 'force') mine.abort.abort();
    void this.#act(entry, state, effect, mine, key);
  }

  async #act(entry: Entry, state: TaskState, effect: Effect, mine: Running, key: string): Promise<void> {
    const { world, registry, log } = this.#options;
    try {
      registry.renew(entry);
      const result = await world.perform(state, effect, mine.abort.signal);
      this.#failures.delete(key);
      await this.#result(entry, effect, result);
      this.#relieved(entry, effect);
    } catch (error) {
      // Whatever it would have waited for or tried again, it is not wanted any more.
      const { reason } = mine.abort.signal;
      const told = isCancelled(reason) && (troubleOf(error) || !isRasenError(error)) ? reason : error;
      await this.#failed(entry, effect, key, told).catch(problem => {
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
    try {
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
          const trouble = this.#hamper(entry, error);
          if (trouble) this.#unwritten.set(entry.id, trouble);
          await pause(RETRY_MS);
        }
      }
    } finally {
      this.#unwritten.delete(entry.id);
      registry.stuck(entry, this.#askedTrouble(entry));
    }
  }

  async #failed(entry: Entry, effect: Effect, key: string, error: unknown): Promise<void> {
    const { registry, log } = this.#options;
    const trouble = waitsOut(effect) ? troubleOf(error) : null;
    if (trouble) return this.#troubled(entry, effect, trouble, error);
    const tries = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, tries);
    log.warn(
      { task: entry.id, effect: effect.key, error, tries },
      `task ${entry.id}: ${effect.key}: ${messageOf(error)}`,
    );
    if (isRasenError(error) && error.kind === 'shutting_down') return;
    const max = EFFECT_TRIES;
    const expected = isRasenError(error) && !MAY_PASS.has(error.kind);
    const again = await registry.exclusive(entry, async () => {
      if (this.#closed) return false;
      const events =
        expected || tries >= max
          ? settleFailure(registry.stateOf(entry), effect, failureOf(error), Date.now())
          : null;
      if (events && events.length > 0) await registry.record(entry, events);
      // Nothing came of it: it will be asked for again.
      return events === null || events.length === 0;
    });
    if (again) await pause(isAsked(effect.key) ? ASKED_RETRY_MS : RETRY_MS);
  }

  /** Waits for the machine: nothing is recorded of a try, and decide says that the task waits. */
  #troubled(entry: Entry, effect: Effect, trouble: Trouble, error: unknown): void {
    const troubles = this.#troubles.get(entry.id) ?? new Map<string, Troubled>();
    this.#troubles.set(entry.id, troubles);
    const before = troubles.get(effect.key);
    const now = performance.now();
    const tries = (before?.tries ?? 0) + 1;
    const isLogged = !before || now - before.logged >= LOGGED_EVERY_MS;
    troubles.set(effect.key, {
      trouble: { why: trouble.why, message: `${doing(effect)} waits: ${trouble.message}` },
      tries,
      next: now + Math.min(TROUBLE_MS.last, TROUBLE_MS.first * 2 ** Math.min(tries - 1, 20)),
      logged: isLogged ? now : before.logged,
    });
    if (isAsked(effect.key)) this.#options.registry.stuck(entry, this.#askedTrouble(entry));
    if (!isLogged) return;
    this.#options.log.warn(
      { task: entry.id, effect: effect.key, error, tries },
      `task ${entry.id}: ${effect.key}: ${messageOf(error)}; it is tried again until it works`,
    );
  }

  #relieved(entry: Entry, effect: Effect): void {
    const troubles = this.#troubles.get(entry.id);
    const troubled = troubles?.get(effect.key);
    if (!troubled) return;
    troubles!.delete(effect.key);
    if (isAsked(effect.key)) this.#options.registry.stuck(entry, null);
    this.#options.log.info(
      { task: entry.id, effect: effect.key, tries: troubled.tries + 1 },
      `task ${entry.id}: ${effect.key} works again`,
    );
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
    this.#troubles.delete(entry.id);
    for (const key of this.#failures.keys()) if (key.startsWith(`${entry.id} `)) this.#failures.delete(key);
  }

  /** There is room: those who found none look again. */
  #feed(): void {
    const starved = [...this.#starved].flatMap(id => this.#options.registry.get(id) ?? []);
    this.#starved.clear();
    for (const entry of byPriority(starved)) this.kick(entry);
  }
}

function failureOf(error: unknown): Failure {
  const { kind = 'internal', hint = null, data = {} } = isRasenError(error) ? error : {};
  return { kind, message: messageOf(error), hint, data };
}

/** What a merge is told that is to end, and what is recorded of it then. */
export const mergeCancelled = (task: string): RasenError =>
  new RasenError('cancelled', `The merge of ${task} was cancelled; nothing was moved`, { data: { task } });
const isCancelled = (reason: unknown): reason is RasenError =>
  isRasenError(reason) && reason.kind === 'cancelled';
/** Effects that a person asked for and that belong to no attempt. */
const isAsked = (key: string) => key.startsWith('merge:') || key.startsWith('rollback:');

/** Errors whose reason is not known well enough to believe the first try. */
const MAY_PASS: ReadonlySet<ErrorKind> = new Set(['git', 'storage', 'internal']);

/** A note is asked for again while its session runs, and a notice has tries of its own. */
const waitsOut = ({ type }: Effect) => type !== 'tell' && type !== 'notify' && type !== 'probe';

/** What is being done, as the subject of a sentence. */
function doing(effect: Effect): string {
  if (effect.type === 'merge' || effect.type === 'rollback') return `the ${effect.type}`;
  if (effect.type === 'notify') return 'a notice';
  const what = {
    ...DOING,
    launch: effect.type === 'launch' && effect.gate !== null ? 'a gate' : DOING.launch,
  };
  return `${effect.step}, attempt ${effect.n}: ${what[effect.type]}`;
}

const DOING = {
  prepare: 'its preparation',
  launch: 'its start',
  end: 'its end',
  tell: 'a note',
  seal: 'the commit of its work',
  judge: 'a gate',
  mark_good: 'the mark of its commit',
  accept_plan: 'its plan',
  probe: 'a look at it',
} as const;

const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms));
