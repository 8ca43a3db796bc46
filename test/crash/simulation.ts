/**
 * Simulated lives of tasks: the engine, driven as src/supervisor/reconcile.ts drives it, in a world of its own clock,
 * disk, processes and git. The supervisor is killed between any two steps and goes on from the journal alone.
 */

import { isRasenError } from '../../src/contract/errors.ts';
import type { Event, NewEvent } from '../../src/contract/event.ts';
import { isTerminal } from '../../src/contract/status.ts';
import { advance, countJobs, stamp } from '../../src/engine/advance.ts';
import type { Day, Effect, Observed, Result, Trouble } from '../../src/engine/effect.ts';
import { fold } from '../../src/engine/fold.ts';
import { isOver, owedNotices } from '../../src/engine/notices.ts';
import { settle, settleFailure } from '../../src/engine/settle.ts';
import type { TaskState, Used } from '../../src/engine/state.ts';
import { holdsPlace, type Turn } from '../../src/engine/turn.ts';
import { encodeJournalLine, type Line, parseJournal } from '../../src/store/file/journal.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { Standing } from '../../src/store/store.ts';
import { Checks, type Coverage } from './simulation-check.ts';
import { type Draft, HOUR, MINUTE, type Window } from './simulation-draft.ts';
import { Effects, Fault, MachineTrouble, type Stages, shaOf } from './simulation-effects.ts';
import { Rng } from './simulation-random.ts';
import { wish } from './simulation-wishes.ts';
import { must, World } from './simulation-world.ts';

/** As in reconcile.ts. */
const RETRY_MS = 2000;
const EFFECT_TRIES = 3;
const TROUBLE_MS = { first: 250, last: 10_000 };
/** A life is over by then. */
const LIFE_MS = 60 * 24 * HOUR;
const STEPS_MAX = 200_000;

class Crash extends Error {}
class DiskFull extends Error {}

/** What dies with the supervisor. */
interface Memory {
  state: TaskState;
  at: Standing;
  running: Map<string, { force: boolean; kill: string | null; unwanted: boolean }>;
  failures: Map<string, number>;
  troubles: Map<string, Trouble & { tries: number; next: number }>;
  wake: { cancel: () => void } | null;
  queued: boolean;
  draining: boolean;
  suspending: boolean;
}

export interface LifeReport {
  status: string;
  crashes: number;
  events: Event[];
  state: TaskState;
}

export class Life {
  readonly draft: Draft;
  readonly world: World;
  readonly #effects: Effects;
  readonly #checks: Checks;
  readonly #coverage: Coverage;
  readonly #rng: Rng;
  /** The journal's bytes on disk. */
  /** What outlives a supervisor. */
  readonly #store: MemoryStore;
  /** Of the supervisor that crashed last, if it is only thought to be dead. */
  #zombie: Standing | null = null;
  /** Events that somebody was told of. */
  #acknowledged = 0;
  /** Events that the checks have seen. */
  #checked = 0;
  #memory: Memory | null = null;
  #incarnation = 0;
  readonly #crashed = new Set<string>();
  #crashes = 0;
  #unseen_ms = 0;
  #wishes: Draft['wishes'];
  #granted = 0;
  #nonces = 0;
  #resumes = 0;
  /** Length of the journal when it was last read: it never becomes shorter. */
  #seen = 0;

  constructor(draft: Draft, coverage: Coverage) {
    this.draft = draft;
    this.#coverage = coverage;
    this.world = new World(draft.seed);
    this.#store = new MemoryStore({ onWrite: (events, keep) => this.#onWrite(events, keep) });
    this.#effects = new Effects(this.world, draft, nonce => this.#recordKey(nonce));
    this.#checks = new Checks(this.world, this.#effects, coverage);
    this.#rng = new Rng(`life ${draft.seed}`);
    this.#wishes = draft.wishes;
    this.world.onChange = delay => this.#supervised(delay, () => this.#kick());
  }

  run(): LifeReport {
    this.#submit();
    this.#weather();
    this.#guard(() => this.#boot());
    for (let steps = 0; ; steps++) {
      must(
        steps < STEPS_MAX && this.world.t < LIFE_MS,
        8,
        `does not come to rest (${this.#memory?.state.status.name}, seq ${this.#memory?.state.seq})`,
      );
      let more = false;
      this.#guard(() => {
        this.#grantDue();
        more = this.world.tick();
      });
      if (more || this.#memory === null) continue;
      if (!this.#atRest()) break;
    }
    return this.#finish();
  }

  /** Events on disk so far: what a failing life is understood by. */
  journal(): Event[] {
    return this.#store.events(this.draft.spec.id);
  }

  // ── the journal ──────────────────────────────────────────────────────────────────────────────────────────────────

  #submit(): void {
    const { spec } = this.draft;
    const submitted = {
      seq: 1,
      t: this.world.iso(),
      mono: this.world.mono,
      epoch: 1,
      type: 'task_submitted',
      spec,
    } as Event;
    const first: NewEvent[] = [{ type: 'task_claimed', host: 'h', incarnation: 'i0', boot: this.world.boot }];
    if (spec.plan)
      first.push({ type: 'plan_frozen', plan: spec.plan, sha256: shaOf(spec.plan), rev: 1, source: 'file' });
    const { events } = stamp(fold(null, submitted), first, this.#clock);
    this.#store.submit(spec.id, [submitted, ...events], {});
    this.#acknowledged = events.length + 1;
  }

  readonly #clock = () => {
    const { mono, slept, boot } = this.world;
    return { t: this.world.iso(), mono, boot, ...(slept > 0 ? { slept } : {}) };
  };

  #append(events: readonly Event[]): void {
    const memory = this.#memory!;
    memory.at = this.#store.write(this.draft.spec.id, memory.at, events);
    this.#point(`after ${whatOf(events)}`, keyOf(events));
    this.#acknowledged = events.at(-1)!.seq;
  }

  /** On disk or not at all, or in part when the power fails meanwhile. */
  #onWrite(events: readonly Event[], keep: (kept: number) => void): void {
    // The order itself: nothing of a supervisor's is at stake yet.
    if (events[0]!.type === 'task_submitted') return;
    if (this.#isIn(this.draft.weather.disk_full)) throw new DiskFull('no space left on the disk');
    this.#point(`before ${whatOf(events)}`, keyOf(events));
    for (let kept = 0; kept < events.length; kept++) {
      if (!this.#crashNow(`torn ${whatOf(events)} after ${kept}`, keyOf(events))) continue;
      keep(kept);
      throw new Crash();
    }
  }

  /** Everything that a new supervisor has to go by. */
  #read(): Event[] {
    const events = this.journal();
    must(
      events.length >= this.#acknowledged,
      1,
      `event ${this.#acknowledged} was acknowledged, and ${events.length} are on disk`,
    );
    must(this.#seen <= events.length, 7, 'the journal became shorter');
    this.#seen = events.length;
    return events;
  }

  // ── crashes ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #point(what: string, key: string): void {
    if (this.#crashNow(what, key)) throw new Crash();
  }

  #crashNow(what: string, key: string): boolean {
    const status = this.#memory?.state.status.name ?? 'starting';
    const { chance, max } = this.draft.crash;
    const id = `${what} ${key}`;
    if (this.#crashes >= max || this.#crashed.has(id) || !this.#rng.chance(chance)) return false;
    this.#crashed.add(id);
    this.#coverage.crashPoints.add(`${what} | ${status}`);
    return true;
  }

  /** Does something that a crash may end. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.#crash(this.#rng.chance(this.draft.crash.reboot));
    }
  }

  #crash(power: boolean): void {
    this.#crashes++;
    this.#coverage.crashes++;
    this.#memory?.wake?.cancel();
    this.#zombie = this.#memory?.at ?? null;
    this.#memory = null;
    this.#incarnation++;
    let down = power ? this.#rng.int(20_000, 120_000) : this.#rng.int(100, 5000);
    if (this.#rng.chance(0.03)) down += this.#rng.int(1, 12) * HOUR;
    // Nobody saw when what was about to start did start.
    this.#unseen_ms += 1000 + (power ? this.world.silence() : 0);
    if (power) this.world.reboot();
    const active = this.world.activeNow();
    this.world.after(down, () => {
      // Jobs side by side whose ends are found late leave no trace of the time between them.
      this.#unseen_ms += this.draft.spec.limits.parallel > 1 ? down : this.world.activeNow() - active;
      this.#boot();
    });
  }

  /** Later, if this very supervisor is still there. */
  #supervised(ms: number, run: () => void): { cancel: () => void } {
    const incarnation = this.#incarnation;
    const timer = this.world.after(ms, () => {
      if (this.#incarnation === incarnation && this.#memory) run();
    });
    return { cancel: () => this.world.cancel(timer) };
  }

  // ── the supervisor ───────────────────────────────────────────────────────────────────────────────────────────────

  #boot(): void {
    const events = this.#read();
    let state: TaskState | null = null;
    for (const event of events) {
      const before: TaskState | null = state;
      state = fold(before, event);
      if (before && event.seq > this.#checked) this.#checks.event(before, event, state);
    }
    this.#checked = Math.max(this.#checked, events.length);
    this.#memory = {
      state: state!,
      at: this.#store.load(this.draft.spec.id)!.at,
      running: new Map(),
      failures: new Map(),
      troubles: new Map(),
      wake: null,
      queued: false,
      draining: false,
      suspending: false,
    };
    this.#claim();
  }

  /** As in supervisor.ts; until it is recorded, nothing of the task goes on. */
  #claim(): void {
    const { state } = this.#memory!;
    if (isOver(state)) return;
    const { boot } = this.world;
    // The claim comes last: were it durable alone, the next supervisor would not see what it has to say besides.
    const events: NewEvent[] = [];
    const going = ['pending', 'running', 'waiting'].includes(state.status.name) && state.want === 'run';
    if (going && !state.spec.auto_resume && state.boot !== boot) {
      events.push({ type: 'want_changed', want: 'stop', force: false, op: null, by: 'reboot' });
    }
    events.push({ type: 'task_claimed', host: 'h', incarnation: `i${this.#incarnation}`, boot });
    try {
      this.#record(events);
      this.#refuseZombie();
      this.#kick();
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
      this.#supervised(RETRY_MS, () => this.#claim());
    }
  }

  /** The supervisor of before was not dead but slept: it writes nothing more. */
  #refuseZombie(): void {
    const zombie = this.#zombie;
    if (!zombie) return;
    const { state } = this.#memory!;
    const { events } = stamp(state, [{ type: 'clock_jumped', ms: 1 }], this.#clock);
    let refused = false;
    try {
      this.#store.write(this.draft.spec.id, zombie, events);
    } catch (error) {
      refused = isRasenError(error) && error.kind === 'claim_lost';
    }
    must(refused, 1, 'a supervisor that lost the task has written');
    this.#zombie = null;
  }

  #kick(): void {
    const memory = this.#memory;
    if (!memory || memory.queued) return;
    memory.queued = true;
    this.#supervised(0, () => {
      memory.queued = false;
      try {
        this.#look();
      } catch (error) {
        if (!(error instanceof DiskFull)) throw error;
        this.#wake(this.world.now + RETRY_MS);
      }
    });
  }

  #look(): void {
    const memory = this.#memory!;
    if (isOver(memory.state)) return;
    const next = advance(memory.state, state => this.#observe(state), this.#clock);
    this.#commit(next.events, next.state);
    const over = isOver(next.state);
    const asked = new Set(next.effects.map(({ key }) => key));
    const moot = [...memory.troubles.keys()].filter(key => !asked.has(key));
    for (const key of moot) memory.troubles.delete(key);
    // As reconcile.ts ends looks that nobody asks for any more.
    for (const [key, mine] of memory.running)
      if (/^(?:ready|health):/.test(key) && !asked.has(key)) mine.unwanted = true;
    for (const effect of next.effects) this.#start(effect);
    const tries = [...memory.troubles.values()].map(
      ({ next: t }) => this.world.now + Math.max(0, t - this.world.t),
    );
    const wakes = [next.wake_ms, ...tries].filter(at => at !== null);
    this.#wake(over || wakes.length === 0 ? null : Math.min(...wakes));
    if (moot.length > 0) this.#kick();
  }

  #observe(state: TaskState): Observed {
    const others = this.#isIn(this.draft.weather.no_slots) ? this.draft.max_jobs : 0;
    return {
      now_ms: this.world.now,
      job: job => this.world.facts(job),
      slots: this.draft.max_jobs - others - countJobs(state),
      disk_low: this.#isIn(this.draft.weather.disk_low) ? 'too little disk space' : null,
      turn: this.#turn(state),
      troubles: this.#memory!.troubles,
      day: () => this.#day(state),
      draining: this.#memory!.draining,
      suspending: this.#memory!.suspending,
      nonce: () => `nonce${++this.#nonces}`,
      record_key: nonce => this.#recordKey(nonce),
    };
  }

  /** As supervisor/turns.ts: what has begun comes after nothing, and what has a place of its group waits for none. */
  #turn(state: TaskState): Turn | null {
    const now = this.draft.weather.others_first.find(
      w => this.#isIn([w]) && (w.why === 'after' ? state.started_at === null : !holdsPlace(state.status)),
    );
    return now ? { why: now.why, lost: now.lost, message: 'others come first' } : null;
  }

  /** Another supervisor signs with other keys. */
  #recordKey(nonce: string): string {
    return `key ${this.#incarnation} of ${nonce}`;
  }

  /** A day of UTC; on the first days other tasks use it up, hour by hour. */
  #day(state: TaskState): Day {
    const DAY = 24 * HOUR;
    const from = Math.floor(this.world.now / DAY) * DAY;
    const { others_per_hour } = this.draft.weather;
    const others = this.world.t > 3 * DAY ? 0 : (others_per_hour * (this.world.now - from)) / HOUR;
    const recent = state.spending.filter(({ t }) => Date.parse(t) >= from);
    const live = [...this.world.jobs.values()].filter(job => job.live).map(job => this.world.usedBy(job));
    const used = [...recent, ...live].reduce<Used>(
      (sum, more) => ({ tokens: sum.tokens + more.tokens, usd: sum.usd + more.usd }),
      { tokens: Math.round(others), usd: 0 },
    );
    return { used, ends_at_ms: from + DAY };
  }

  #record(added: readonly NewEvent[]): void {
    const { events, state } = stamp(this.#memory!.state, added, this.#clock);
    this.#commit(events, state);
  }

  /** How long ago the last job ended, where nobody has seen that: a task that waits has counted until now (standStill). */
  #endedUnseen(): number {
    if (this.#memory!.state.active.live === 0 || this.world.isLive()) return 0;
    const ends = [...this.world.jobs.values()].flatMap(({ ended_t }) => ended_t ?? []);
    return ends.length === 0 ? 0 : this.world.t - Math.max(...ends);
  }

  #commit(events: readonly Event[], state: TaskState): void {
    const memory = this.#memory!;
    if (events.length === 0) return;
    if (events.some(({ type }) => type === 'task_waiting')) this.#unseen_ms += this.#endedUnseen();
    this.#append(events);
    for (let now = memory.state, i = 0; i < events.length; i++) {
      const after = fold(now, events[i]!);
      this.#checks.event(now, events[i]!, after);
      const made = events[i]!;
      if (made.type === 'attempt_created' || made.type === 'gate_started') {
        must(!memory.draining, 9, 'starts work while it drains');
        const isService = now.steps.some(s => s.kind === 'service' && s.id === made.step);
        must(isService || this.#observe(now).slots > 0, 9, 'starts work without a free slot');
      }
      now = after;
    }
    this.#checked = state.seq;
    memory.state = state;
    this.#checks.state(state);
  }

  #start(effect: Effect): void {
    const { running } = this.#memory!;
    const kill = effect.type === 'end' ? effect.kill : null;
    const known = running.get(effect.key);
    if (known) {
      if (kill === 'force' && known.kill !== 'force') known.force = true;
      return;
    }
    if ((this.#memory!.troubles.get(effect.key)?.next ?? 0) > this.world.t) return;
    const mine = { force: kill === 'force', kill, unwanted: false };
    running.set(effect.key, mine);
    this.#point(`effect ${effect.type} asked`, effect.key);
    this.#step(effect, this.#effects.perform(this.#memory!.state, effect, mine), mine);
  }

  /** One stage of an effect, and the next when its time has come. */
  #step(effect: Effect, stages: Stages, mine: object): void {
    let next: IteratorResult<{ ms: number; stage: string }, Result>;
    try {
      next = stages.next();
    } catch (error) {
      if (error instanceof MachineTrouble) this.#troubled(effect, error, mine);
      else if (error instanceof Fault) this.#failed(effect, error, mine);
      else throw error;
      return;
    }
    if (next.done) {
      this.#done(effect, next.value, mine);
      return;
    }
    this.#point(`effect ${effect.type} ${next.value.stage}`, effect.key);
    this.#supervised(next.value.ms, () => this.#step(effect, stages, mine));
  }

  #done(effect: Effect, result: Result, mine: object): void {
    const memory = this.#memory!;
    this.#point(`effect ${effect.type} done`, effect.key);
    memory.failures.delete(effect.key);
    memory.troubles.delete(effect.key);
    try {
      const events = settle(memory.state, effect, result, this.world.now);
      if (events) this.#record(events);
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
      this.#supervised(RETRY_MS, () => this.#over(effect, mine));
      return;
    }
    this.#over(effect, mine);
  }

  #troubled(effect: Effect, { why, message }: MachineTrouble, mine: object): void {
    const { troubles } = this.#memory!;
    const tries = (troubles.get(effect.key)?.tries ?? 0) + 1;
    const pause = Math.min(TROUBLE_MS.last, TROUBLE_MS.first * 2 ** Math.min(tries - 1, 20));
    troubles.set(effect.key, { why, message, tries, next: this.world.t + pause });
    this.#over(effect, mine);
  }

  #failed(effect: Effect, fault: Fault, mine: object): void {
    const memory = this.#memory!;
    const tries = (memory.failures.get(effect.key) ?? 0) + 1;
    memory.failures.set(effect.key, tries);
    const final = fault.expected || tries >= EFFECT_TRIES;
    let events: NewEvent[] | null = null;
    if (final) {
      const failure = { kind: 'internal', message: fault.message, hint: null, data: {} };
      events = settleFailure(memory.state, effect, failure, this.world.now);
    }
    try {
      if (events && events.length > 0) this.#record(events);
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
      events = null;
    }
    if (events === null) this.#supervised(RETRY_MS, () => this.#over(effect, mine));
    else this.#over(effect, mine);
  }

  #over(effect: Effect, mine: object): void {
    const { running } = this.#memory!;
    if (running.get(effect.key) === mine) running.delete(effect.key);
    this.#kick();
  }

  #wake(at: number | null): void {
    const memory = this.#memory!;
    memory.wake?.cancel();
    memory.wake = at === null ? null : this.#supervised(at - this.world.now + 1, () => this.#kick());
  }

  // ── users and weather ────────────────────────────────────────────────────────────────────────────────────────────

  #isIn(windows: readonly Window[]): boolean {
    return windows.some(w => this.world.t >= w.from && this.world.t < w.to);
  }

  #weather(): void {
    const { jumps, sleeps, no_slots, others_first, drains } = this.draft.weather;
    if (this.draft.over_at !== null) this.world.after(this.draft.over_at, () => this.#endForGood());
    for (const { at, ms } of jumps) this.world.after(at, () => this.#jump(ms));
    for (const { at, ms } of sleeps) this.world.after(at, () => this.#sleep(ms));
    // Whoever made room tells those who found none.
    for (const { to } of [...no_slots, ...others_first]) this.world.after(to, () => this.#kick());
    for (const at of drains) {
      this.world.after(at, () => {
        if (!this.#memory) return;
        this.#memory.draining = true;
        this.#memory.suspending = this.#rng.chance(0.5);
        this.#kick();
        this.#supervised(this.#rng.int(1, 60_000), () => this.#crash(false));
      });
    }
  }

  /** Services alone go on for ever. */
  #endForGood(): void {
    const memory = this.#memory;
    if (memory && isTerminal(memory.state.status)) return;
    if (!memory || !this.#grant('cancel')) this.world.after(MINUTE, () => this.#endForGood());
  }

  #jump(ms: number): void {
    this.world.offset += ms;
    this.#checks.waits.clockSet();
    // What is on its way to be recorded started or ended by the other clock; so did what nobody looked at.
    const seen = this.#memory !== null && this.world.isLive() === this.#memory.state.active.live > 0;
    if (!seen || this.#isIn(this.draft.weather.disk_full)) this.#unseen_ms += Math.abs(ms);
    this.#kick();
  }

  #sleep(ms: number): void {
    this.world.sleep(ms);
    const seen = this.#memory !== null && this.world.isLive() === this.#memory.state.active.live > 0;
    if (!seen || this.#isIn(this.draft.weather.disk_full)) this.#unseen_ms += ms;
    this.#kick();
  }

  #grantDue(): void {
    const memory = this.#memory;
    const next = this.#wishes[0];
    if (!memory || !next || memory.state.seq < next.seq) return;
    this.#wishes = this.#wishes.slice(1);
    this.#grant(next.kind);
  }

  #grant(kind: Draft['wishes'][number]['kind']): boolean {
    const memory = this.#memory!;
    const events = wish(memory.state, kind, `op${this.#granted}`, this.#rng);
    if (!events || events.length === 0) return false;
    this.#granted++;
    // It may go on after the time at which it should have been over.
    const { over_at } = this.draft;
    if (over_at !== null && this.world.t > over_at && kind !== 'cancel')
      this.world.after(HOUR, () => this.#endForGood());
    try {
      this.#record(events);
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
      // The user is told, and asks again.
      this.world.after(RETRY_MS, () => {});
      return false;
    }
    this.#kick();
    return true;
  }

  /** Nothing will ever happen by itself any more: is that right, and does a person do something? True: yes. */
  #atRest(): boolean {
    const { state } = this.#memory!;
    const { status } = state;
    const halted = status.name === 'blocked' || status.name === 'interrupted';
    must(owedNotices(state).length === 0, 8, `at rest, and nobody is told of ${owedNotices(state)[0]?.key}`);
    must(
      isTerminal(status) ? !state.merge : halted && !state.rollback,
      8,
      `at rest while ${status.name} (want ${state.want}, seq ${state.seq})`,
    );
    must(!this.world.isLive(), 8, `at rest while ${status.name}, and a process is alive`);
    must(this.world.up().length === 0, 8, `at rest while ${status.name}, and a service is up`);
    let acted = false;
    this.#guard(() => {
      for (const next of this.#wishes) {
        this.#wishes = this.#wishes.slice(1);
        if (this.#grant(next.kind)) {
          acted = true;
          return;
        }
      }
      if (!halted || this.#resumes >= this.draft.patience) return;
      this.#resumes++;
      if (this.#resumes > 1) this.#effects.healed = true;
      acted = this.#grant('answer') || this.#grant('resume');
    });
    return acted || this.world.timers.length > 0;
  }

  #finish(): LifeReport {
    const { state } = this.#memory!;
    const events = this.#read();
    let again: TaskState | null = null;
    for (const event of events) again = fold(again, event);
    must(
      JSON.stringify(again) === JSON.stringify(state),
      1,
      'the journal does not tell what the supervisor believed',
    );
    this.#checks.state(state);
    const unseen_ms = this.#unseen_ms;
    this.#checks.life(state, {
      crashes: this.#crashes,
      wishes: this.#granted,
      jobs: this.world.jobs.size,
      unseen_ms,
    });
    for (const [key, times] of this.world.told)
      must(times <= 1 + this.#crashes, 2, `told ${times} times of ${key} in ${this.#crashes} crashes`);
    this.#damage();
    if (this.world.target.moves > 0)
      must(this.world.target.moves === 1, 2, `merged ${this.world.target.moves} times`);
    this.#coverage.lives++;
    const { name } = state.status;
    this.#coverage.rests.set(name, (this.#coverage.rests.get(name) ?? 0) + 1);
    return { status: name, crashes: this.#crashes, events, state };
  }

  /** One wrong byte before the last line is damage, and never the end of a journal. */
  #damage(): void {
    const copy = Buffer.from(this.journal().map(encode).join(''));
    const last = copy.subarray(0, -1).lastIndexOf(10);
    const at = this.#rng.int(0, last - 1);
    copy[at] = copy[at]! ^ (1 << this.#rng.int(0, 6));
    const reading = parseJournal(copy);
    must(reading.damage !== null, 7, `byte ${at} of the journal is wrong and nobody sees it`);
    must(reading.bytes <= at, 7, 'an event is read from behind the damage');
  }
}

const encode = (event: Event): string => encodeJournalLine(event as unknown as Line);

const whatOf = (events: readonly Event[]): string => events.map(e => e.type).join('+');
const keyOf = (events: readonly Event[]): string =>
  `${whatOf(events)} ${'step' in events[0]! ? events[0].step : ''}`;
