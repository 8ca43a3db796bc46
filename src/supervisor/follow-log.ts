/**
 * The log of a task as one sequence: a line or two per event, and the output of each attempt at the place where the
 * attempt ended (or at the end, while it runs). A reader's cursor names its place in that sequence, so going on from
 * it, also after a restart of the supervisor, gives neither a gap nor anything twice.
 */
import { isUtf8 } from 'node:buffer';
import { RasenError } from '../errors.ts';
import type { LogCursor, LogRecord } from '../methods/log.follow.ts';
import type { RequestContext } from '../rpc/server.ts';
import { lastLines, type OutputChunk, type OutputGap, readOutput } from '../runner/tail.ts';
import { Mask } from '../secrets/mask.ts';
import type { Event } from '../task/event.ts';
import { fold } from '../task/fold.ts';
import { gatesOf } from '../task/gates-of.ts';
import { gateJob, type TaskState, workJob } from '../task/state.ts';
import { isTerminal } from '../task/status.ts';
import { linesOf } from '../views/lines.ts';
import { agentRole } from './effects/context.ts';
import type { Masks } from './masks.ts';
import type { Places } from './places.ts';
import type { Entry, Registry } from './registry.ts';

/** Bytes of output read at once, and sent in one notification. */
const CHUNK_BYTES = 64 * 1024;
const BATCH_BYTES = 128 * 1024;
/** Looks at growing outputs: soon after there was something, less often while nothing comes. */
const POLL_MS_MIN = 25;
const POLL_MS_MAX = 250;
const TAIL_BYTES_MAX = 8 * 1024 * 1024;
/** How long the end of an output waits for what follows, where it may be the beginning of a secret. */
const HELD_MS_MAX = 1000;

/** Name of a job: the work of an attempt, or one of its gates. */
const JOB = /^[^/]+\/\d+(?:\/gates\/\d+\.\d+)?$/;

const NOTHING_MASKED = new Mask([]);

export interface LogParams {
  task: string;
  subtask?: string | undefined;
  lines?: number | undefined;
  since?: string | undefined;
  follow: boolean;
  events: boolean;
  gates: boolean;
  /** With the values of secrets, as they were printed. */
  raw: boolean;
  cursor?: LogCursor | undefined;
}

export async function followLog(parts: FollowParts, params: LogParams, context: RequestContext) {
  const entry = parts.registry.resolve(params.task);
  const state = parts.registry.stateOf(entry);
  if (params.subtask && !state.steps.some(s => s.id === params.subtask)) {
    throw new RasenError('subtask_unknown', `task ${entry.id} has no subtask "${params.subtask}"`, {
      hint: `It has: ${state.steps.map(s => s.id).join(', ')}`,
    });
  }
  for (const job of Object.keys(params.cursor?.outputs ?? {})) {
    if (!JOB.test(job) || !state.steps.some(s => s.id === parseJob(job).step)) {
      throw new RasenError('usage', `the cursor names "${job}", which is no job of task ${entry.id}`, {
        hint: 'Give back a cursor as it was given, for the same task.',
      });
    }
  }
  return new Follower(parts, { entry, state }, params, context).run();
}

interface FollowParts {
  registry: Registry;
  places: Places;
  masks: Masks;
}

interface JobRef {
  job: string;
  step: string;
  n: number;
}

class Follower {
  readonly #registry: Registry;
  readonly #places: Places;
  readonly #masks: Masks;
  readonly #entry: Entry;
  /** As it was at first: what is masked follows from what was ordered. */
  readonly #order: TaskState;
  readonly #params: LogParams;
  readonly #context: RequestContext;
  /** Milliseconds; null: from the start. */
  readonly #since: number | null;
  #cursor: LogCursor = { seq: 0, outputs: {} };
  #state: TaskState | null = null;
  #mask = NOTHING_MASKED;
  /** Of outputs whose end waits: where, how much there was, and since when. */
  readonly #held = new Map<string, { from: number; bytes: number; since: number }>();
  #records: LogRecord[] = [];
  #bytes = 0;

  constructor(
    { registry, places, masks }: FollowParts,
    { entry, state }: { entry: Entry; state: TaskState },
    params: LogParams,
    context: RequestContext,
  ) {
    this.#registry = registry;
    this.#places = places;
    this.#masks = masks;
    this.#entry = entry;
    this.#order = state;
    this.#params = params;
    this.#context = context;
    this.#since = params.since === undefined ? null : timeOf(params.since);
  }

  async run() {
    const { signal } = this.#context;
    const changes = new Changes(this.#registry, this.#entry);
    try {
      const past = this.#registry.eventsAfter(this.#entry, 0);
      this.#cursor = this.#params.cursor ?? (await this.#start(past));
      let seen = 0;
      let pause = POLL_MS_MIN;
      for (;;) {
        const mark = changes.count;
        if (!this.#params.raw) this.#mask = await this.#masks.of(this.#order);
        const events = seen === 0 ? past : this.#registry.eventsAfter(this.#entry, seen);
        for (const event of events) {
          await this.#event(event);
          seen = event.seq;
        }
        const before = this.#bytes;
        for (const job of Object.keys(this.#cursor.outputs)) await this.#output(parseJob(job), false);
        const grew = this.#bytes !== before || events.length > 0;
        await this.#send();
        const ended = isTerminal(this.#state!.status) && !this.#state!.merge;
        if (!this.#params.follow || ended || signal.aborted) return { cursor: this.#cursor, ended };
        pause = grew ? POLL_MS_MIN : Math.min(POLL_MS_MAX, pause * 2);
        if (changes.count === mark)
          await changes.wait(Object.keys(this.#cursor.outputs).length > 0 ? pause : null, signal);
      }
    } finally {
      changes.close();
    }
  }

  /** One event, in order: those before the cursor only move the state along. */
  async #event(event: Event): Promise<void> {
    this.#state = fold(this.#state, event);
    if (event.seq <= this.#cursor.seq) return;
    const over = endedJob(event);
    // The lines of an output have no times; what had ended before is left out as a whole.
    if (over && this.#wants(over) && this.#isRecent(event)) await this.#output(over, true);
    if (over) delete this.#cursor.outputs[over.job];
    if (this.#params.events && this.#isRecent(event)) {
      for (const line of linesOf(this.#state, event)) {
        if (this.#params.subtask && line.subtask !== this.#params.subtask) continue;
        await this.#add({
          kind: 'event',
          t: event.t,
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
    const begun = startedJob(event);
    if (begun && this.#wants(begun)) this.#cursor.outputs[begun.job] = 0;
    this.#cursor.seq = event.seq;
  }

  #wants(job: JobRef): boolean {
    if (this.#params.subtask && job.step !== this.#params.subtask) return false;
    return this.#params.gates || job.job === workJob(job.step, job.n);
  }

  #isRecent(event: Event): boolean {
    return this.#since === null || Date.parse(event.t) >= this.#since;
  }

  /** Sends what the output of a job has beyond the cursor; `final`: nothing will be added any more. */
  async #output(ref: JobRef, final: boolean): Promise<void> {
    const folder = this.#places.job(this.#entry.id, ref.job);
    for (;;) {
      const from = this.#cursor.outputs[ref.job] ?? 0;
      const read = await this.#read(folder, ref.job, from, final);
      const agent = this.#agentOf(ref);
      const at = { t: null, level: null, subtask: ref.step, attempt: ref.n, job: ref.job, agent };
      if ('gap' in read) {
        const text = `${read.gap.to - read.gap.from} bytes were dropped (output cap)`;
        this.#cursor.outputs[ref.job] = read.next;
        await this.#add({ kind: 'gap', ...at, offset: read.gap.from, text, base64: false });
        continue;
      }
      if (read.next === from) return;
      this.#cursor.outputs[ref.job] = read.next;
      if (read.bytes.length === 0) continue;
      const text = isUtf8(read.bytes);
      await this.#add({
        kind: 'output',
        ...at,
        offset: read.offset,
        text: read.bytes.toString(text ? 'utf8' : 'base64'),
        base64: !text,
      });
    }
  }

  /** As readOutput, masked. It gives nothing while all that there is may be the beginning of a secret. */
  async #read(folder: string, job: string, from: number, final: boolean): Promise<OutputChunk | OutputGap> {
    if (this.#mask.isEmpty) return await readOutput(folder, from, CHUNK_BYTES, { final });
    // With what was shown before it: a value may have begun there.
    const start = Math.max(0, from - this.#mask.reach);
    const shown = start < from ? await readOutput(folder, start, from - start, { final: true }) : null;
    const before = shown && !('gap' in shown) ? shown.bytes : Buffer.alloc(0);
    const read = await readOutput(folder, from, CHUNK_BYTES, { final });
    if ('gap' in read || read.bytes.length === 0) return read;
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

  /** The kind of agent that has the job; null: it is a command. */
  #agentOf({ step: id, job }: JobRef): string | null {
    const state = this.#state!;
    const step = state.steps.find(s => s.id === id);
    const gate = /\/gates\/(\d+)\./.exec(job);
    // A plan that was changed meanwhile has other gates.
    if (!step || (gate && !gatesOf(state, step)[Number(gate[1])])) return null;
    const role = agentRole(state, step, gate && Number(gate[1]));
    return role === null ? null : ((state.spec.agents[role] ?? state.spec.agents.coder)?.backend ?? null);
  }

  async #add(record: LogRecord): Promise<void> {
    this.#records.push(record);
    this.#bytes += record.text.length + 64;
    const pending = this.#records.reduce((sum, r) => sum + r.text.length, 0);
    if (pending >= BATCH_BYTES) await this.#send();
  }

  async #send(): Promise<void> {
    if (this.#records.length === 0) return;
    const records = this.#records;
    this.#records = [];
    await this.#context.notify('log.data', {
      request: this.#context.id,
      records,
      cursor: structuredClone(this.#cursor),
    });
  }

  /** The cursor from which `lines` lines are left to the end. */
  async #start(events: readonly Event[]): Promise<LogCursor> {
    const { lines } = this.#params;
    if (lines === undefined) return { seq: 0, outputs: {} };
    const counts = this.#lineCounts(events);
    const outputs: Record<string, number> = {};
    let left = lines;
    for (const ref of openJobs(events).filter(job => this.#wants(job))) {
      const taken = await this.#last(ref, left);
      outputs[ref.job] = taken.offset;
      left -= taken.lines;
    }
    for (const event of events.toReversed()) {
      if (left <= 0 || counts.get(event.seq)! > left) return { seq: event.seq, outputs };
      left -= counts.get(event.seq)!;
      const over = endedJob(event);
      if (over && this.#wants(over) && this.#isRecent(event)) {
        const taken = await this.#last(over, left);
        outputs[over.job] = taken.offset;
        left -= taken.lines;
        if (taken.offset > 0) return { seq: event.seq - 1, outputs };
      }
      const begun = startedJob(event);
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

/** Throws `usage`. */
function timeOf(text: string): number {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  throw new RasenError('usage', `since: "${text}" is no time`, { hint: 'Write it as 2026-01-27T18:45:00Z.' });
}

function startedJob(event: Event): JobRef | null {
  if (event.type === 'attempt_started')
    return { job: workJob(event.step, event.n), step: event.step, n: event.n };
  if (event.type === 'gate_started')
    return { job: gateJob(event.step, event.n, event.gate, event.try), step: event.step, n: event.n };
  return null;
}

function endedJob(event: Event): JobRef | null {
  if (event.type === 'attempt_ended')
    return { job: workJob(event.step, event.n), step: event.step, n: event.n };
  if (event.type === 'gate_ended' || event.type === 'gate_dropped') {
    return { job: gateJob(event.step, event.n, event.gate, event.try), step: event.step, n: event.n };
  }
  return null;
}

function openJobs(events: readonly Event[]): JobRef[] {
  const open = new Map<string, JobRef>();
  for (const event of events) {
    const begun = startedJob(event);
    if (begun) open.set(begun.job, begun);
    const over = endedJob(event);
    if (over) open.delete(over.job);
  }
  return [...open.values()];
}

function parseJob(job: string): JobRef {
  const [step = '', n = '0'] = job.split('/');
  return { job, step, n: Number(n) };
}

/** Wakes a follower when its task has new events. */
class Changes {
  count = 0;
  #wake: (() => void) | null = null;
  readonly #stop: () => void;

  constructor(registry: Registry, entry: Entry) {
    this.#stop = registry.listen(changed => {
      if (changed !== entry) return;
      this.count++;
      this.#wake?.();
    });
  }

  /** Resolves at a change, after `ms` (null: never by time), or when the signal is raised. */
  wait(ms: number | null, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        if (timer) clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#wake = null;
        resolve();
      };
      const timer = ms === null ? null : setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      this.#wake = done;
    });
  }

  close(): void {
    this.#stop();
  }
}
