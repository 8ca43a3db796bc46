/**
 * The log of a task as one sequence: a line or two per event, and the output of each attempt at the place where the
 * attempt ended (or at the end, while it runs). A reader's cursor names its place in that sequence, so going on from
 * it, also after a restart of the supervisor, gives neither a gap nor anything twice.
 */

import { isUtf8 } from 'node:buffer';
import { RasenError } from '../contract/errors.ts';
import type { Event } from '../contract/event.ts';
import type { Asked } from '../contract/methods/index.ts';
import type { LogCursor, LogRecord } from '../contract/methods/log.follow.ts';
import { isTerminal } from '../contract/status.ts';
import { fold } from '../engine/fold.ts';
import { gatesOf } from '../engine/gates-of.ts';
import { asWorkedBy } from '../engine/relay.ts';
import type { Step, TaskState } from '../engine/state.ts';
import type { RequestContext, Send } from '../rpc/server.ts';
import { lastLines, readOutput } from '../runner/tail.ts';
import { Mask } from '../secrets/mask.ts';
import { linesOf } from '../views/lines.ts';
import { Changes } from './changes.ts';
import { agentRole } from './effects/context.ts';
import { History } from './history.ts';
import { JobNames, type JobRef, parseJob } from './job-names.ts';
import type { Masks } from './masks.ts';
import type { Places } from './places.ts';
import type { Entry, Registry } from './registry.ts';

/** Bytes of output read at once; the length at which a notification is long enough, and what a record counts besides its text. */
const CHUNK_BYTES = 32 * 1024;
const PAGE_CHARS = 32 * 1024;
const RECORD_CHARS = 64;
/** Looks at growing outputs: soon after there was something, less often while nothing comes. */
const POLL_MS_MIN = 25;
const POLL_MS_MAX = 250;
const TAIL_BYTES_MAX = 8 * 1024 * 1024;
/** How long the end of an output waits for what follows, where it may be the beginning of a secret. */
const HELD_MS_MAX = 1000;

const NOTHING_MASKED = new Mask([]);

export async function followLog(parts: FollowParts, params: Asked<'log.follow'>, context: RequestContext) {
  const entry = parts.registry.resolve(params.task);
  const jobs = Object.keys(params.cursor?.outputs ?? {});
  // The state of a task that is over is on the disk, and a reader without either asks for none.
  if (params.subtask || jobs.length > 0) check(entry, parts.registry.stateOf(entry), params.subtask, jobs);
  return new Follower(parts, entry, params, context).run();
}

function check({ id }: Entry, { steps }: TaskState, subtask: string | undefined, jobs: string[]): void {
  if (subtask && !steps.some(s => s.id === subtask)) {
    throw new RasenError('subtask_unknown', `task ${id} has no subtask "${subtask}"`, {
      hint: `It has: ${steps.map(s => s.id).join(', ')}`,
    });
  }
  for (const job of jobs) {
    const ref = parseJob(job);
    if (!ref || !steps.some(s => s.id === ref.step)) {
      throw new RasenError('usage', `the cursor names "${job}", which is no job of task ${id}`, {
        hint: 'Give back a cursor as it was given, for the same task.',
      });
    }
  }
}

interface FollowParts {
  registry: Registry;
  places: Places;
  masks: Masks;
}

/** Between two pages it holds its cursor and, where its reader keeps up, what it would have to read again. */
class Follower {
  readonly #registry: Registry;
  readonly #places: Places;
  readonly #masks: Masks;
  readonly #entry: Entry;
  readonly #params: Asked<'log.follow'>;
  readonly #context: RequestContext;
  readonly #history: History;
  /** Milliseconds; null: from the start. */
  readonly #since: number | null;
  #names = new JobNames();
  /** null: it is not known yet where the last lines begin. */
  #cursor: LogCursor | null;
  /** After the events up to its seq; null: to be folded again. */
  #state: TaskState | null = null;
  #mask = NOTHING_MASKED;
  #isMasked = false;
  /** Of outputs whose end waits: where, how much there was, and since when. */
  readonly #held = new Map<string, { from: number; bytes: number; since: number }>();
  #records: LogRecord[] = [];
  /** Jobs whose output cannot be read; that is told once. */
  readonly #troubled = new Set<string>();
  #chars = 0;

  constructor(
    { registry, places, masks }: FollowParts,
    entry: Entry,
    params: Asked<'log.follow'>,
    context: RequestContext,
  ) {
    this.#registry = registry;
    this.#places = places;
    this.#masks = masks;
    this.#entry = entry;
    this.#params = params;
    this.#context = context;
    this.#history = new History(registry, entry);
    this.#since = params.since === undefined ? null : timeOf(params.since);
    this.#cursor = params.cursor ?? (params.lines === undefined ? { seq: 0, outputs: {} } : null);
  }

  async run() {
    const { signal } = this.#context;
    const changes = new Changes(this.#registry, changed => changed === this.#entry);
    try {
      let pause = POLL_MS_MIN;
      for (;;) {
        const mark = changes.count;
        // Before its turn: a program that prints a secret takes its time, and others wait behind a turn.
        await this.#lookForSecrets();
        const page = await this.#context.turn(send => this.#page(send));
        const { cursor, sent, whole, ended } = page;
        if (this.#context.behind) this.#forget();
        if (!whole) continue;
        if (!this.#params.follow || ended) return { cursor, ended };
        this.#rest();
        pause = sent ? POLL_MS_MIN : Math.min(POLL_MS_MAX, pause * 2);
        if (changes.count === mark)
          await changes.wait(Object.keys(cursor.outputs).length > 0 ? pause : null, signal);
        if (signal.aborted) return { cursor, ended };
      }
    } finally {
      changes.close();
    }
  }

  /** Reads and sends what follows the cursor, up to the length of a page. `whole`: that was all there is now. */
  async #page(send: Send) {
    this.#cursor ??= await this.#start(this.#registry.eventsAfter(this.#entry, 0));
    const cursor = this.#cursor;
    const whole = (await this.#events(cursor)) && (await this.#outputs(cursor));
    const records = this.#records;
    this.#records = [];
    this.#chars = 0;
    if (records.length > 0)
      send('log.data', { request: this.#context.id, records, cursor: structuredClone(cursor) });
    const { status, merge } = this.#state!;
    return { cursor, sent: records.length > 0, whole, ended: isTerminal(status) && !merge };
  }

  /** More values may become known while the task lives. */
  async #lookForSecrets(): Promise<void> {
    const { state } = this.#entry;
    if (this.#params.raw || (this.#isMasked && state === null)) return;
    this.#mask = await this.#masks.of(state ?? this.#registry.stateOf(this.#entry));
    this.#isMasked = true;
  }

  /** What can be read again. */
  #forget(): void {
    this.#state = null;
    this.#names = new JobNames();
    this.#history.forget();
  }

  /** Nothing follows for now: what the registry holds for all is held here no second time. */
  #rest(): void {
    this.#history.forget();
    const { state } = this.#entry;
    if (state && state.seq === this.#state?.seq) this.#state = state;
  }

  async #events(cursor: LogCursor): Promise<boolean> {
    for (;;) {
      const events = this.#history.after(this.#state?.seq ?? 0);
      if (events.length === 0) return true;
      for (const event of events) if (!(await this.#event(event, cursor))) return false;
    }
  }

  async #outputs(cursor: LogCursor): Promise<boolean> {
    const state = this.#state!;
    for (const job of Object.keys(cursor.outputs))
      if (!(await this.#output(state, parseJob(job)!, cursor, false))) return false;
    return true;
  }

  /** One event, in order: those before the cursor only move the state along. False: the page is full, ask again. */
  async #event(event: Event, cursor: LogCursor): Promise<boolean> {
    const state = fold(this.#state, event);
    this.#names.learn(event);
    if (event.seq > cursor.seq) {
      const over = this.#names.ended(event);
      // The lines of an output have no times; what had ended before is left out as a whole.
      if (
        over &&
        this.#wants(over) &&
        this.#isRecent(event) &&
        !(await this.#output(state, over, cursor, true))
      )
        return false;
      if (over) delete cursor.outputs[over.job];
      this.#lines(state, event);
      const begun = this.#names.started(event);
      if (begun && this.#wants(begun)) cursor.outputs[begun.job] = 0;
      cursor.seq = event.seq;
    }
    this.#state = state;
    return this.#chars < PAGE_CHARS;
  }

  #lines(state: TaskState, event: Event): void {
    if (!this.#params.events || !this.#isRecent(event)) return;
    for (const line of linesOf(state, event)) {
      if (this.#params.subtask && line.subtask !== this.#params.subtask) continue;
      this.#add({
        kind: 'event',
        t: event.t,
        event: event.type,
        level: line.level,
        subtask: line.subtask,
        attempt: line.attempt,
        job: null,
        offset: null,
        text: this.#mask.text(line.text),
        base64: false,
      });
    }
  }

  #wants(job: JobRef): boolean {
    if (this.#params.subtask && job.step !== this.#params.subtask) return false;
    return this.#params.gates || parseJob(job.job)?.gate === null;
  }

  #isRecent(event: Event): boolean {
    return this.#since === null || Date.parse(event.t) >= this.#since;
  }

  /** Takes what the output of a job has beyond the cursor; `final`: nothing will be added any more. False: the page is full. */
  async #output(state: TaskState, ref: JobRef, cursor: LogCursor, final: boolean): Promise<boolean> {
    const folder = this.#places.job(this.#entry.id, ref.job);
    while (this.#chars < PAGE_CHARS) {
      const from = cursor.outputs[ref.job] ?? 0;
      const read = await this.#read(folder, ref.job, from, final);
      const agent = agentOf(state, ref);
      const at = { t: null, level: null, subtask: ref.step, attempt: ref.n, job: ref.job, agent };
      if ('problem' in read) {
        if (this.#troubled.has(ref.job)) return true;
        this.#troubled.add(ref.job);
        this.#add({
          kind: 'gap',
          ...at,
          offset: from,
          text: `its output ${read.problem}`,
          base64: false,
        });
        return true;
      }
      if ('gap' in read) {
        const text = `${read.gap.to - read.gap.from} bytes were dropped (output cap)`;
        cursor.outputs[ref.job] = read.next;
        this.#add({ kind: 'gap', ...at, offset: read.gap.from, text, base64: false });
        continue;
      }
      if (read.next === from) return true;
      cursor.outputs[ref.job] = read.next;
      if (read.bytes.length === 0) continue;
      const text = isUtf8(read.bytes);
      this.#add({
        kind: 'output',
        ...at,
        offset: read.offset,
        text: read.bytes.toString(text ? 'utf8' : 'base64'),
        base64: !text,
      });
    }
    return false;
  }

  /** As readOutput, masked. It gives nothing while all that there is may be the beginning of a secret. */
  async #read(folder: string, job: string, from: number, final: boolean): ReturnType<typeof readOutput> {
    if (this.#mask.isEmpty) return await readOutput(folder, from, CHUNK_BYTES, { final });
    // With what was shown before it: a value may have begun there.
    const start = Math.max(0, from - this.#mask.reach);
    const shown = start < from ? await readOutput(folder, start, from - start, { final: true }) : null;
    const before = shown && 'bytes' in shown ? shown.bytes : Buffer.alloc(0);
    const read = await readOutput(folder, from, CHUNK_BYTES, { final });
    if (!('bytes' in read) || read.bytes.length === 0) return read;
    const more =
      read.bytes.length >= CHUNK_BYTES / 2 || (!final && this.#waits(job, from, read.bytes.length));
    const bytes = Buffer.concat([before, read.bytes]);
    const { bytes: text, taken } = this.#mask.window(bytes, { context: before.length, more });
    return { offset: from, bytes: text, next: from + taken };
  }

  /** Whether what may be the beginning of a secret still waits for the rest; of what was read of a job at an offset. */
  #waits(job: string, from: number, bytes: number): boolean {
    if (!this.#params.follow) return false;
    const held = this.#held.get(job);
    if (held?.from === from && held.bytes === bytes) return performance.now() - held.since < HELD_MS_MAX;
    this.#held.set(job, { from, bytes, since: performance.now() });
    return true;
  }

  #add(record: LogRecord): void {
    this.#records.push(record);
    this.#chars += record.text.length + RECORD_CHARS;
  }

  /** The cursor from which `lines` lines are left to the end. */
  async #start(events: readonly Event[]): Promise<LogCursor> {
    const { lines } = this.#params;
    if (lines === undefined) return { seq: 0, outputs: {} };
    for (const event of events) this.#names.learn(event);
    const counts = this.#lineCounts(events);
    const outputs: Record<string, number> = {};
    let left = lines;
    for (const ref of openJobs(events, this.#names).filter(job => this.#wants(job))) {
      const taken = await this.#last(ref, left);
      outputs[ref.job] = taken.offset;
      left -= taken.lines;
    }
    for (const event of events.toReversed()) {
      if (left <= 0 || counts.get(event.seq)! > left) return { seq: event.seq, outputs };
      left -= counts.get(event.seq)!;
      const over = this.#names.ended(event);
      if (over && this.#wants(over) && this.#isRecent(event)) {
        const taken = await this.#last(over, left);
        outputs[over.job] = taken.offset;
        left -= taken.lines;
        if (taken.offset > 0) return { seq: event.seq - 1, outputs };
      }
      const begun = this.#names.started(event);
      if (begun) delete outputs[begun.job];
    }
    return { seq: 0, outputs: {} };
  }

  #lineCounts(events: readonly Event[]): Map<number, number> {
    let state: TaskState | null = null;
    const counts = new Map<number, number>();
    for (const event of events) {
      state = fold(state, event);
      const shown = this.#params.events && this.#isRecent(event) ? linesOf(state, event) : [];
      counts.set(
        event.seq,
        shown.filter(l => !this.#params.subtask || l.subtask === this.#params.subtask).length,
      );
    }
    return counts;
  }

  async #last(ref: JobRef, lines: number): Promise<{ offset: number; lines: number }> {
    const { offset, text } = await lastLines(
      this.#places.job(this.#entry.id, ref.job),
      Math.max(0, lines),
      TAIL_BYTES_MAX,
    );
    let count = 0;
    for (const byte of text) if (byte === 10) count++;
    return { offset, lines: text.length > 0 && text.at(-1) !== 10 ? count + 1 : count };
  }
}

/** The kind of agent that has the job; null: it is a command. */
function agentOf(state: TaskState, { step: id, job }: JobRef): string | null {
  const step = state.steps.find(s => s.id === id);
  const gate = /\/gates\/(\d+)\./.exec(job);
  // A plan that was changed meanwhile has other gates.
  if (!step || (gate && !gatesOf(state, step)[Number(gate[1])])) return null;
  const role = agentRole(state, step, gate && Number(gate[1]));
  const { agents } = (gate ? state : asWorkedBy(state, id, attemptOf(step, job))).spec;
  return role === null ? null : ((agents[role] ?? agents.coder)?.backend ?? null);
}

/** Number of the attempt whose work the job is. */
const attemptOf = ({ attempt, history }: Step, job: string): number | null =>
  [...(attempt ? [attempt] : []), ...history].find(known => known.job === job)?.n ?? null;

/** Throws `usage`. */
function timeOf(text: string): number {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  throw new RasenError('usage', `since: "${text}" is no time`, { hint: 'Write it as 2026-01-27T18:45:00Z.' });
}

function openJobs(events: readonly Event[], names: JobNames): JobRef[] {
  const open = new Map<string, JobRef>();
  for (const event of events) {
    const begun = names.started(event);
    if (begun) open.set(begun.job, begun);
    const over = names.ended(event);
    if (over) open.delete(over.job);
  }
  return [...open.values()];
}
