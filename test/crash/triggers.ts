/**
 * Lives of triggers: the same advance as the supervisor's, against a world that keeps witness of every task that was
 * made. Each life is cut off at random after an event or an effect, its clock is set, its machine sleeps, its disk is
 * full; then everything is read from the journal again.
 */

import type { Definition } from '../../src/contract/trigger.ts';
import { advance, stamp } from '../../src/triggers/advance.ts';
import { isTimed, slotAfter } from '../../src/triggers/calendar.ts';
import type { TriggerEffect } from '../../src/triggers/decide.ts';
import type { NewTriggerEvent, RunEnd, TriggerEvent } from '../../src/triggers/event.ts';
import { fold } from '../../src/triggers/fold.ts';
import { liveRuns, type TriggerState } from '../../src/triggers/state.ts';
import { aDefinition, moment } from '../support/trigger-builder.ts';
import { Rng } from './simulation-random.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const ZONES = [
  ...['Europe/Berlin', 'Europe/London', 'America/New_York', 'America/Santiago', 'America/St_Johns'],
  ...['Australia/Sydney', 'Australia/Lord_Howe', 'Africa/Cairo', 'Asia/Kolkata', 'Asia/Tokyo'],
  ...['Pacific/Chatham', 'UTC'],
];
/** Near changes of the clock of the northern and the southern half. */
const STARTS = [
  '2026-03-07',
  '2026-03-28',
  '2026-04-04',
  '2026-10-03',
  '2026-10-24',
  '2026-10-31',
  '2026-12-31',
];
const CRONS = ['*/10 * * * *', '30 2 * * *', '0 * * * *', '15 1,2,3 * * *', '0 0 * * *', '30 0-23/2 * * *'];

interface Task {
  id: string;
  slot: string;
  made_ms: number;
  /** When it ends by itself, in steps. */
  left: number;
  end: RunEnd | null;
}

/** It broke off here; what was recorded stays. */
class Crash extends Error {}
class FullDisk extends Error {}

export class Life {
  readonly journal: TriggerEvent[] = [];
  /** By the key of their slot. */
  readonly tasks = new Map<string, Task>();
  readonly #rng: Rng;
  now: number;
  /** What its clock was set by since the machine started. */
  #set = 0;
  #boots = 0;
  #disk_full = 0;
  #holds = 0;
  #made = 0;
  #read = 0;
  #folded: TriggerState | null = null;

  constructor(seed: number) {
    this.#rng = new Rng(seed);
    this.now = Date.parse(`${this.#rng.pick(STARTS)}T20:17:03Z`) + Math.floor(this.#rng.next() * DAY);
    const created: NewTriggerEvent = { type: 'trigger_created', id: 'sim', definition: this.#definition() };
    this.journal.push(...stamp(null, [created], this.clock).events);
  }

  /** What a supervisor that reads the journal has. */
  get state(): TriggerState {
    for (; this.#read < this.journal.length; this.#read++)
      this.#folded = fold(this.#folded, this.journal[this.#read]!);
    return this.#folded!;
  }

  #definition(): Definition {
    const rng = this.#rng;
    const tz = rng.pick(ZONES);
    const kind = rng.pick(['at', 'every', 'every', 'cron', 'cron', 'cron'] as const);
    const when =
      kind === 'at'
        ? this.#once(rng.next() * DAY)
        : kind === 'every'
          ? { kind, every_seconds: rng.pick([60, 300, 3600, 7000]), from: new Date(this.now).toISOString() }
          : { kind, cron: rng.pick(CRONS) };
    return aDefinition(when, {
      tz,
      overlap: rng.pick(['skip', 'queue', 'replace', 'parallel']),
      catch_up: rng.pick(['one', 'none', 'all']),
      max_late_seconds: rng.pick([0, 600, 7200, 86_400]),
      jitter_seconds: rng.pick([0, 0, 45, 4000]),
      pause_after: rng.pick([null, 3]),
      keep: rng.pick([0, 3, 20]),
      max_runs: rng.pick([null, null, 1, 7]),
      until: rng.pick([null, null, new Date(this.now + 2 * DAY).toISOString()]),
    });
  }

  #once(ms: number): Definition['when'] {
    const seconds = Math.floor(ms / 1000);
    const at = new Date(this.now + seconds * 1000).toISOString();
    return { kind: 'at', at, ...(this.#rng.next() < 0.5 ? { in_seconds: seconds } : {}) };
  }

  /** Moves the world, then lets the trigger look, with crashes in between. */
  step(): void {
    const rng = this.#rng;
    this.#world();
    for (let again = 0; again < 200; again++) {
      try {
        if (this.#look()) return;
      } catch (error) {
        if (error instanceof FullDisk) return;
        if (!(error instanceof Crash)) throw error;
        // A person may ask for something between a crash and the next start.
        if (rng.next() < 0.1) this.now += Math.floor(rng.next() * HOUR);
      }
    }
    throw new Error('it does not come to rest');
  }

  /** No more trouble, and long enough for everything that waits. */
  rest(): void {
    this.#disk_full = 0;
    this.#holds = 0;
    for (let i = 0; i < 400; i++) {
      for (const task of this.tasks.values())
        if (task.end === null && --task.left <= 0) task.end = 'completed';
      for (;;) if (this.#look(false)) break;
      const { taken, queue } = this.state;
      if (taken.length + queue.length + liveRuns(this.state).length === 0) return;
    }
    throw new Error('it never rests');
  }

  #world(): void {
    const rng = this.#rng;
    const what = rng.next();
    if (what < 0.03) this.now += DAY;
    else if (what < 0.05) this.#setClock(DAY);
    else if (what < 0.09) this.#setClock(-DAY);
    else if (what < 0.11) this.#setClock(-5 * DAY);
    else if (what < 0.12) this.#reboot(rng.pick([-5 * DAY, 0, DAY]));
    else if (what < 0.2) this.now += Math.floor(rng.next() * 10 * HOUR);
    else this.now += Math.floor(rng.next() * 30 * MINUTE);
    if (rng.next() < 0.05) this.#disk_full = 3;
    if (rng.next() < 0.05) this.#holds = 4;
    if (this.#holds > 0) this.#holds--;
    if (this.#disk_full > 0) this.#disk_full--;
    for (const task of this.tasks.values())
      if (task.end === null && --task.left <= 0)
        task.end = rng.pick(['completed', 'completed', 'failed', 'cancelled']);
    const wish = rng.next();
    const { status } = this.state;
    if (this.#disk_full > 0) return;
    if (wish < 0.02 && status === 'active')
      this.#append([{ type: 'trigger_paused', by: 'user', reason: 'asked for' }]);
    else if (wish < 0.3 && status === 'paused') this.#append([{ type: 'trigger_resumed' }]);
  }

  get clock() {
    return moment(this.now, this.#set, `boot ${this.#boots}`);
  }

  #setClock(ms: number): void {
    this.now += ms;
    this.#set += ms;
  }

  /** The machine starts again, with another clock. */
  #reboot(set_ms: number): void {
    this.now += set_ms;
    this.#set = 0;
    this.#boots++;
  }

  #append(events: readonly NewTriggerEvent[]): void {
    this.journal.push(...stamp(this.state, events, this.clock).events);
  }

  /** True: nothing is left to do now. */
  #look(mayCrash = true): boolean {
    const crash = () => {
      if (mayCrash && this.#rng.next() < 0.08) throw new Crash();
    };
    const next = advance(this.state, {
      clock: this.clock,
      run: id =>
        [...this.tasks.values()].find(task => task.id === id)?.end ?? (this.#has(id) ? null : 'gone'),
      hold: () => (this.#holds > 0 ? { until_ms: this.now + HOUR, reason: 'quiet hours' } : null),
      newTask: () => `task${++this.#made}`,
      draining: false,
    });
    if (next.events.length > 0) {
      if (this.#disk_full > 0) throw new FullDisk();
      crash();
      this.journal.push(...next.events);
      crash();
    }
    let acted = false;
    for (const effect of next.effects) {
      acted = this.#act(effect) || acted;
      crash();
      this.#settle(effect);
      crash();
    }
    return next.wake_ms !== 0 && next.effects.every(({ type }) => type === 'cancel') && !acted;
  }

  #has = (id: string) => [...this.tasks.values()].some(task => task.id === id);

  #act(effect: TriggerEffect): boolean {
    switch (effect.type) {
      case 'submit': {
        // As by the key of a task: the same again is the same.
        if (this.tasks.has(effect.slot)) return false;
        const left = 1 + Math.floor(this.#rng.next() * 4);
        this.tasks.set(effect.slot, {
          id: effect.task,
          slot: effect.slot,
          made_ms: this.now,
          left,
          end: null,
        });
        return true;
      }
      case 'cancel': {
        const task = [...this.tasks.values()].find(({ id }) => id === effect.task)!;
        if (task.end !== null) return false;
        task.end = 'cancelled';
        return true;
      }
      default:
        return false;
    }
  }

  #settle(effect: TriggerEffect): void {
    if (effect.type === 'submit') {
      const { task } = effect;
      if (this.tasks.get(effect.slot)!.id !== task) throw new Error(`slot ${effect.slot} has two tasks`);
      const late_ms = Math.max(0, this.now - effect.due);
      this.#append([
        {
          type: 'slot_started',
          slot: effect.slot,
          late_ms: late_ms > 60_000 ? late_ms : 0,
        },
      ]);
    } else if (effect.type === 'release')
      this.#append([{ type: 'run_released', task: effect.task, removed: true }]);
    else if (effect.type === 'notify')
      this.#append([{ type: 'notified', key: effect.key, ok: this.#rng.next() < 0.7, detail: null }]);
  }
}

/** What is wrong with a life; empty: nothing. */
export function faultsOf(life: Life): string[] {
  const faults: string[] = [];
  const { journal } = life;
  const first = journal[0]!;
  if (first.type !== 'trigger_created') return ['it does not begin'];
  const { policy } = first.definition;
  let { when } = first.definition;
  const receipts = new Map<string, number>();
  const began = new Set<string>();
  const live = new Set<string>();
  let state: TriggerState | null = null as TriggerState | null;
  let covered = 0;
  let from = 0;
  const check = (to: number) => {
    if (!isTimed(when)) return;
    let due = 0;
    for (
      let at = slotAfter(when, policy.tz, from);
      at !== null && at <= to;
      at = slotAfter(when, policy.tz, at)
    )
      due++;
    if (due !== covered)
      faults.push(`${due} slots up to ${new Date(to).toISOString()}, and ${covered} were dealt with`);
    covered = 0;
  };
  const receipt = (slot: string) => receipts.set(slot, (receipts.get(slot) ?? 0) + 1);
  for (const event of journal) {
    const before = state;
    state = fold(before, event);
    switch (event.type) {
      case 'trigger_created':
        from = state.cursor;
        break;
      case 'clock_jumped':
        ({ when } = state.definition);
        if (when.kind === 'at') from = state.cursor;
        break;
      case 'clock_set_back':
        check(before!.cursor);
        ({ when } = state.definition);
        from = event.cursor;
        break;
      case 'slots_passed':
        if (event.cursor !== null) covered += event.count;
        if (event.count === 1) receipt(event.first);
        else {
          receipt(event.first);
          receipt(event.last);
        }
        break;
      case 'slot_queued':
        if (event.cursor !== null) covered++;
        break;
      case 'slot_taken':
        if (event.cursor !== null) covered++;
        if (began.has(event.slot)) faults.push(`slot ${event.slot} was taken twice`);
        began.add(event.slot);
        break;
      case 'slot_started':
        receipt(event.slot);
        live.add(event.slot);
        if (policy.overlap !== 'parallel' && live.size > 1) faults.push(`${live.size} runs at once`);
        break;
      case 'run_ended':
        live.delete(event.slot);
        break;
    }
  }
  const end = life.state;
  check(end.cursor);
  for (const [slot, n] of receipts) if (n !== 1) faults.push(`slot ${slot} has ${n} receipts`);
  for (const slot of began) if (!receipts.has(slot)) faults.push(`slot ${slot} has no receipt`);
  for (const { slot } of life.tasks.values())
    if (!began.has(slot)) faults.push(`task of ${slot} without a slot`);
  if (life.tasks.size !== began.size)
    faults.push(`${began.size} slots were taken, and ${life.tasks.size} tasks made`);
  if (policy.max_runs !== null && life.tasks.size > policy.max_runs)
    faults.push(`${life.tasks.size} runs, and at most ${policy.max_runs} were wanted`);
  const sum = Object.values(end.counts).reduce((a, b) => a + b, 0);
  const rows = end.receipts.reduce((a, { count }) => a + count, 0);
  if (end.receipts.length < 1000 && sum !== rows)
    faults.push(`${sum} receipts were counted, and ${rows} are there`);
  for (const { outcome, late_ms, slot } of end.receipts)
    if (outcome === 'late' && late_ms > policy.max_late_seconds * 1000 + DAY * 6)
      faults.push(`${slot} was ${late_ms} ms late`);
  return faults;
}
