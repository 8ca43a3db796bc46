/**
 * Runs a task through advance and settle in a world that does at once what a script says: how each attempt of a step
 * and each run of a gate ends. Time passes only to the next wake-up. For tests of what follows from what.
 */

import type { Claim, Event, NewEvent, SessionFacts } from '../../../src/contract/event.ts';
import type { Plan } from '../../../src/contract/plan.ts';
import type { TaskSpec } from '../../../src/contract/spec.ts';
import { advance, stamp } from '../../../src/engine/advance.ts';
import type {
  Day,
  Effect,
  EndFacts,
  Found,
  Observed,
  Result,
  Signs,
  Trouble,
} from '../../../src/engine/effect.ts';
import { fold } from '../../../src/engine/fold.ts';
import { gatesOf } from '../../../src/engine/gates-of.ts';
import { type Failure, settle } from '../../../src/engine/settle.ts';
import { stepOf, type TaskState } from '../../../src/engine/state.ts';
import type { Turn } from '../../../src/engine/turn.ts';
import { claimOf } from '../../support/task-builder.ts';

export interface Work {
  code?: number;
  claim?: Partial<Claim>;
  /** Never ends by itself. */
  hangs?: boolean;
  /** Has left its result, is silent since, and never ends by itself. */
  hung?: boolean;
  /** Silent since it started. */
  quiet?: boolean;
  /** Its command has ended, and that cannot be written down. */
  records?: boolean;
  /** It prints more than can be kept. */
  floods?: boolean;
  /** What its session says while it goes on, and when it has ended. */
  signs?: Partial<Signs>;
  used?: { tokens: number; usd: number | null };
  /** How its program says that the session ended. */
  outcome?: string;
  /** No record of its end. */
  lost?: boolean;
  /** The agent changed nothing. */
  idle?: boolean;
  /** It left what it found. */
  same?: boolean;
  /** The session that it says it works in, and whether it could be gone on with. */
  session?: { id: string; resumable?: boolean; backend?: string; outcome?: string; heard?: boolean };
  /** A rule of the diff gate that it broke. */
  hit?: string;
  /** The lock file as it left it. */
  lock?: string;
}

export interface Script {
  /** By step, one for each attempt; the last goes on for ever. */
  work?: Record<string, Work[]>;
  /** By name, one for each run: the exit code or the verdict. */
  gates?: Record<
    string,
    (number | 'hang' | 'lost' | 'approved' | 'changes_requested' | null | Refusal | Judge)[]
  >;
}

interface Refusal {
  verdict: 'changes_requested';
  issues: string[];
}

/** A judge that approves, and what is known of its session. */
export interface Judge extends Pick<Work, 'hangs' | 'hung' | 'quiet' | 'signs' | 'used'> {
  approves: boolean;
  /** What its program says kept it from judging. */
  unable?: Claim['status'];
}

const PASSES_MAX = 5000;
const SILENT: Signs = {
  used: null,
  in_tool: false,
  through: false,
  answered: false,
  loop: null,
  progress_at: null,
};

const usageOf = ({ tokens, usd }: NonNullable<Work['used']>, outcome = 'ok'): SessionFacts => ({
  backend: 'claude',
  ids: [],
  outcome,
  evidence: 'event',
  usage: { input_tokens: tokens, cached_input_tokens: 0, output_tokens: 0, cost_usd: usd, partial: false },
  denied: [],
  unknown: {},
  unreadable: 0,
});

/** Name of a job without nonces. */
export const nameOf = (job: string) => job.replace(/-n(?=\/|$)/g, '');

/** Why an effect failed, in its simplest form. */
export const failure = (message: string): Failure => ({ kind: 'internal', message, hint: null, data: {} });

export class Engine {
  readonly events: Event[] = [];
  state: TaskState;
  now = Date.parse('2026-01-27T08:00:00Z');
  slots = 8;
  disk_low = false;
  turn: Turn | null = null;
  /** Effects that cannot be done now, by key. */
  readonly troubles = new Map<string, Trouble>();
  draining = false;
  day: Day = { used: { tokens: 0, usd: 0 }, ends_at_ms: Date.parse('2026-01-28T00:00:00Z') };
  suspending = false;
  /** Services that never get ready; that are on their way; and that are well no more. */
  readonly unready = new Set<string>();
  readonly coming = new Set<string>();
  readonly ill = new Set<string>();
  /** Nothing ends by itself while this is set: for looking at what runs. */
  frozen = false;
  readonly #script: Script;
  readonly #runs = new Map<string, number>();
  /** Lock files of commits, where they are another than that of the base. */
  readonly #locks = new Map<string | null, string>();
  readonly #live = new Map<string, Work & { gate: string | null; since: number }>();
  /** Jobs in the order in which they were started. */
  readonly started: string[] = [];
  /** Notices that were sent, or tried. */
  readonly told: string[] = [];
  /** So many of the next are not sent. */
  unheard = 0;
  boot = 'b1';
  /** Another one signs with other keys. */
  supervisor = 1;
  /** What is found in the records of every job that ends. */
  forged: string[] = [];
  /** Files of the source, and of the gate configuration, that the task changes. */
  sources = 0;
  config: string[] = [];
  /** Notes can be said to agents; those that were said. */
  talks = false;
  readonly said: number[] = [];

  constructor(spec: TaskSpec, plan: Plan | null, script: Script = {}) {
    this.#script = script;
    this.state = fold(null, { seq: 1, ...this.#clock(), epoch: 1, type: 'task_submitted', spec } as Event);
    this.claim();
    if (plan) this.add({ type: 'plan_frozen', plan, sha256: '', rev: 1, source: 'file' });
  }

  readonly #clock = () => ({ t: new Date(this.now).toISOString(), mono: this.now, boot: this.boot });

  claim(): void {
    this.add({ type: 'task_claimed', host: 'h', incarnation: 'i', boot: this.boot });
  }

  add(...added: NewEvent[]): this {
    const { events, state } = stamp(this.state, added, this.#clock);
    this.events.push(...events);
    this.state = state;
    return this;
  }

  stop(want: 'stop' | 'cancel' = 'stop', force = false): this {
    return this.add({ type: 'want_changed', want, force, op: null, by: 'user' });
  }

  resume(): this {
    return this.add(
      { type: 'want_changed', want: 'run', force: false, op: null, by: 'user' },
      { type: 'task_resumed' },
    );
  }

  /** The power fails: nothing is alive any more, and the next supervisor takes over. */
  reboot(): this {
    for (const work of this.#live.values()) work.lost = true;
    this.frozen = false;
    this.boot += '+';
    this.claim();
    return this;
  }

  types(): string[] {
    return this.events.map(e => e.type);
  }

  step(id: string) {
    return stepOf(this.state, id);
  }

  /** One look: what is recorded, and what would be done. */
  look(): Effect[] {
    const next = advance(this.state, () => this.#observed(), this.#clock);
    this.events.push(...next.events);
    this.state = next.state;
    return next.effects;
  }

  /** Until nothing happens by itself any more, or `enough`. */
  run(enough: (state: TaskState) => boolean = () => false): this {
    for (let pass = 0; pass < PASSES_MAX; pass++) {
      const next = advance(this.state, () => this.#observed(), this.#clock);
      this.events.push(...next.events);
      this.state = next.state;
      if (enough(this.state)) return this;
      const able = next.effects.filter(effect => !this.troubles.has(effect.key) && !this.#goesOn(effect));
      for (const effect of able) this.#do(effect);
      if (able.length > 0) continue;
      if (next.wake_ms === null) return this;
      this.now = Math.max(this.now, next.wake_ms);
    }
    throw new Error(`does not come to rest: ${this.state.status.name}`);
  }

  /** A look at a service that has found nothing yet. */
  #goesOn(effect: Effect): boolean {
    if (effect.type !== 'probe') return false;
    return effect.what === 'health' ? !this.ill.has(effect.step) : this.coming.has(effect.step);
  }

  #observed(): Observed {
    return {
      now_ms: this.now,
      job: job => this.#facts(job),
      slots: this.slots,
      disk_low: this.disk_low ? 'too little disk space' : null,
      turn: this.turn,
      troubles: this.troubles,
      day: () => this.day,
      draining: this.draining,
      suspending: this.suspending,
      nonce: () => 'n',
      record_key: nonce => `key of ${nonce} of ${this.supervisor}`,
    };
  }

  /** What was started and how it behaves, to be changed while it goes on. */
  live(job: string): Work | undefined {
    return [...this.#live].find(([name]) => nameOf(name) === job)?.[1];
  }

  #facts(job: string) {
    const work = this.#live.get(job);
    if (!work) return null;
    const alive = (work.hangs || work.hung || this.frozen) && !work.lost;
    const heard = work.hung || work.quiet ? work.since : this.now;
    return {
      claimed: true,
      alive: !!alive,
      exited: !alive && !work.lost,
      last_output_at: new Date(heard).toISOString(),
      result_at: work.hung ? new Date(heard).toISOString() : null,
      flood: !!work.floods,
      recording: !!work.records,
      signs: alive && work.signs ? { ...SILENT, ...work.signs } : null,
    };
  }

  #do(effect: Effect): void {
    const result = this.#result(effect);
    const events = settle(this.state, effect, result, this.now);
    if (events) this.add(...events);
  }

  #next<T>(list: readonly T[] | undefined, key: string, other: T): T {
    const n = this.#runs.get(key) ?? 0;
    this.#runs.set(key, n + 1);
    return list ? list[Math.min(n, list.length - 1)]! : other;
  }

  #result(effect: Effect): Result {
    switch (effect.type) {
      case 'rollback':
        return { type: 'rollback' };
      case 'prepare': {
        const git = this.state.spec.workspace.kind === 'git';
        const workspace = git ? { base: 'base', branch: 'b', path: '/w' } : null;
        const record_key = `key of n of ${this.supervisor}`;
        const setup = this.#lockOf(this.step(effect.step).attempt!.from);
        const isFinal = effect.step === '_final';
        const asked = {
          ...(isFinal && this.sources > 0 ? { sources: this.sources } : {}),
          ...(isFinal && this.config.length > 0 ? { base_config: this.config } : {}),
        };
        return { type: 'prepare', workspace, record_key, setup, ...asked };
      }
      case 'launch': {
        const launched: Result = {
          type: 'launch',
          sandbox: null,
          pid: 1,
          cage: null,
          talks: effect.gate === null && this.talks,
        };
        if (this.#live.has(effect.job)) return launched;
        this.started.push(nameOf(effect.job));
        if (effect.gate === null) {
          this.#live.set(effect.job, {
            ...this.#next<Work>(this.#script.work?.[effect.step], effect.step, {}),
            gate: null,
            since: this.now,
          });
        } else {
          const { name, kind } = gatesOf(this.state, this.step(effect.step))[effect.gate]!;
          const judge = kind === 'review' || kind === 'qa';
          const how = this.#next(this.#script.gates?.[name], `gate ${name}`, judge ? 'approved' : 0);
          const refusal: Refusal = { verdict: 'changes_requested', issues: ['a bug'] };
          const own = typeof how === 'object' && how !== null && 'approves' in how ? how : null;
          const said = own
            ? null
            : how === 'changes_requested'
              ? refusal
              : (how as Refusal | number | string | null);
          const approval = { verdict: own || how === 'approved' ? ('approved' as const) : null, issues: [] };
          const kept = own?.unable ? { status: own.unable, summary: own.unable } : null;
          const claim = judge
            ? (kept ?? (typeof said === 'object' ? (said ?? approval) : approval))
            : undefined;
          this.#live.set(effect.job, {
            ...own,
            code: typeof how === 'number' ? how : 0,
            hangs: own?.hangs ?? how === 'hang',
            ...(how === 'lost' ? { lost: true } : {}),
            ...(claim ? { claim } : {}),
            ...(own?.unable ? { outcome: own.unable, used: own.used ?? { tokens: 1, usd: null } } : {}),
            gate: name,
            since: this.now,
          });
        }
        return launched;
      }
      case 'probe':
        if (effect.what === 'health') return { type: 'probe', found: 'failed', detail: 'no answer' };
        return {
          type: 'probe',
          found: this.unready.has(effect.step) ? 'failed' : 'ready',
          detail: 'no answer',
        };
      case 'tell': {
        this.said.push(effect.note);
        return { type: 'tell', said: true };
      }
      case 'end':
        return { type: 'end', facts: this.#end(this.#live.get(effect.job), effect.kill !== null) };
      case 'seal': {
        const idle = this.#workOf(effect.step, effect.n)?.idle ?? false;
        const id = `${effect.step}/${effect.n}`;
        const facts = {
          changed: !idle,
          commits: idle ? 0 : 1,
          leftovers: 0,
          on_branch: true,
          descends: true,
          unmerged: [],
        };
        const found = this.#workOf(effect.step, effect.n)?.same ? this.step(effect.step).attempt!.from : null;
        const commit = found ?? `commit ${id}`;
        const { from } = this.step(effect.step).attempt!;
        const setup = this.#workOf(effect.step, effect.n)?.lock ?? this.#lockOf(from);
        if (setup !== undefined) this.#locks.set(commit, setup);
        const config =
          this.config.length > 0 && commit !== this.state.approved ? { base_config: this.config } : {};
        const known = { ...(setup === undefined ? {} : { setup }), ...config };
        return { type: 'seal', sealed: { commit, tree: `tree ${id}`, ...facts, ...known } };
      }
      case 'judge':
        return { type: 'judge', found: this.#judge(effect) };
      case 'mark_good':
        return { type: 'mark_good' };
      case 'notify':
        this.told.push(effect.notice);
        return this.unheard > 0 && this.unheard--
          ? { type: 'notify', ok: false, detail: 'no connection', failed: ['webhook'] }
          : { type: 'notify', ok: true, detail: null };
      case 'accept_plan':
        return { type: 'accept_plan', accepted: null, problem: 'no plan' };
      case 'merge':
        return {
          type: 'merge',
          merged: { into: 'main', before: 'x', commit: 'y', fast_forward: true },
          gates: [],
        };
    }
  }

  #lockOf(commit: string | null): string | undefined {
    if (this.state.spec.setup === null) return undefined;
    return this.#locks.get(commit) ?? 'lock of the base';
  }

  #workOf(step: string, n: number) {
    return this.live(`${step}/${n}`);
  }

  #end(work: Work | undefined, killed: boolean): EndFacts {
    const byItself = !!work && !work.hangs && !work.hung && !this.frozen;
    const lost = !work || work.lost;
    const ended_at = new Date(this.now).toISOString();
    const unknown = { ended_by: null, cpu_ms: null, memory_peak_bytes: null };
    const exit = byItself
      ? { result: 'exited', code: work.code ?? 0, signal: null, ended_at, ...unknown }
      : { result: 'exited', code: null, signal: 15, ended_at, ...unknown };
    if (killed && work) work.lost = true;
    return {
      exit: lost ? null : exit,
      ended_by_itself: byItself,
      last_seen_at: ended_at,
      output_bytes: 0,
      dropped_bytes: 0,
      claim: work?.claim ? claimOf(work.claim) : null,
      claim_problem: null,
      session: work?.session ? sessionOf(work.session) : work?.used ? usageOf(work.used, work.outcome) : null,
      notes_said: [],
      log_sha256: null,
      log_tail: null,
      forged: this.forged,
      base_tests: ['test/a.test.js'],
    };
  }

  #judge(effect: Extract<Effect, { type: 'judge' }>): Found {
    const { kind } = gatesOf(this.state, this.step(effect.step))[effect.gate]!;
    const work = this.#workOf(effect.step, effect.n);
    const reason = kind === 'diff' ? (work?.hit ?? null) : work?.idle ? 'nothing was changed' : null;
    return { reason, needs_person: kind === 'diff' };
  }
}

function sessionOf({
  id,
  resumable = true,
  backend = 'claude',
  outcome = 'ok',
  heard,
}: NonNullable<Work['session']>): SessionFacts {
  const said = {
    outcome,
    ...(heard === undefined ? {} : { heard }),
    evidence: 'event',
    usage: null,
    denied: [],
    unknown: {},
    unreadable: 0,
  };
  return { backend, ids: [id], resumable, ...said };
}
