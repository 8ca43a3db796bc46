/**
 * The world of a simulated life: clocks, processes and what they leave, git. It goes on when the supervisor dies, knows
 * nothing of the engine's state, and is the witness of what really happened: what must never be, throws here.
 */

import type { Claim } from '../../src/contract/event.ts';
import type { ExitFacts, JobFacts, Signs } from '../../src/engine/effect.ts';
import type { Used } from '../../src/engine/state.ts';
import type { Behaviour } from './simulation-draft.ts';
import { Rng } from './simulation-random.ts';

/** Something that the invariants of the architecture (section 7) forbid. */
export class Violation extends Error {}

export function must(holds: boolean, invariant: number, what: string): asserts holds {
  if (!holds) throw new Violation(`invariant ${invariant}: ${what}`);
}

export interface Identity {
  boot: string;
  pid: number;
  start: number;
}

export interface Job {
  name: string;
  step: string;
  /** null: the work of an attempt. */
  gate: string | null;
  /** Its folder and what to run are on disk. */
  spec: boolean;
  claim: 'runner' | 'fence' | null;
  identity: Identity | null;
  behaviour: Behaviour | null;
  /** The command, and what it left behind. */
  live: boolean;
  leftovers: boolean;
  /** Signalled by us before it was over: the mark that outlives a supervisor. */
  stopped: boolean;
  starts: number;
  claimed_t: number;
  exit: ExitFacts | null;
  /** Time of day of the last output. */
  output_at: string | null;
  claimed: Claim | null;
  claim_problem: string | null;
  flood: boolean;
  /** Of an agent: the session that it works in. */
  session: string | null;
  /** Notes can be said to it. */
  talks: boolean;
  /** Notes in its prompt; in its folder, and marked as given; said. */
  prompt: ReadonlySet<number>;
  notes: { left: Set<number>; given: Set<number>; said: Set<number> };
  /** Of a session: what it says while it goes on. */
  through: boolean;
  loop: string | null;
  /** Of a service: somebody has found it ready. */
  ready: boolean;
  /** It stays up, or runs at the end: what it does is no work, and leaves nothing. null: it is work. */
  beside: 'service' | 'finally' | null;
  /** When it ended, in true time. */
  ended_t: number | null;
}

export interface Commit {
  id: string;
  parent: string | null;
  /** Names of the jobs whose changes are in it. */
  work: ReadonlySet<string>;
  hit: boolean;
  unmerged: boolean;
  /** History below it was rewritten: it descends from nothing of ours. */
  rewritten: boolean;
}

interface Timer {
  at: number;
  order: number;
  run: () => void;
}

const EPOCH = Date.parse('2026-01-27T08:00:00Z');

export class World {
  /** True time, ms; the wall clock is this plus an offset that people change. */
  t = 0;
  offset = 0;
  /** Of this boot. */
  slept = 0;
  boot = 'boot-1';
  #bootAt = -60_000;
  #boots = 1;
  #pid = 100;
  #order = 0;
  readonly rng: Rng;
  readonly timers: Timer[] = [];
  readonly jobs = new Map<string, Job>();
  readonly commits = new Map<string, Commit>();
  readonly refs = new Map<string, string>();
  worktree: { head: string; dirty: Set<string>; hit: boolean; unmerged: boolean; rewritten: boolean } | null =
    null;
  /** Where the user's branch is, and how often it moved. */
  target = { commit: 'base', moves: 0 };
  /** Notices that a person got, by key, with how often. */
  readonly told = new Map<string, number>();
  /** True active time and the number of jobs behind it. */
  active_ms = 0;
  #liveJobs = 0;
  #liveSince = 0;
  /** Told of an end; it may not be listening. */
  onChange: (delay: number) => void = () => {};

  constructor(seed: number) {
    this.rng = new Rng(`world ${seed}`);
    this.commits.set('base', {
      id: 'base',
      parent: null,
      work: new Set(),
      hit: false,
      unmerged: false,
      rewritten: false,
    });
  }

  get now(): number {
    return EPOCH + this.t + this.offset;
  }

  get mono(): number {
    return this.t - this.#bootAt;
  }

  /** Nothing runs and no timer ends; only the true time goes on. */
  sleep(ms: number): void {
    this.t += ms;
    for (const timer of this.timers) timer.at += ms;
    this.#bootAt += ms;
    this.#liveSince += ms;
    this.slept += ms;
  }

  iso(): string {
    return new Date(this.now).toISOString();
  }

  after(ms: number, run: () => void): Timer {
    const timer: Timer = { at: this.t + Math.max(0, ms), order: this.#order++, run };
    let index = this.timers.length;
    while (index > 0 && this.timers[index - 1]!.at > timer.at) index--;
    this.timers.splice(index, 0, timer);
    return timer;
  }

  cancel(timer: Timer): void {
    const index = this.timers.indexOf(timer);
    if (index >= 0) this.timers.splice(index, 1);
  }

  /** Lets time pass to the next thing that happens; false when nothing ever will. */
  tick(): boolean {
    const timer = this.timers.shift();
    if (!timer) return false;
    this.t = Math.max(this.t, timer.at);
    timer.run();
    return true;
  }

  job(name: string): Job {
    return this.jobs.get(name) ?? fail(`there is no job ${name}`);
  }

  /** The work of an attempt. */
  workOf(step: string, n: number): Job | undefined {
    return [...this.jobs.values()].find(job => job.gate === null && job.name.startsWith(`${step}/${n}-`));
  }

  makeJob(name: string, step: string, gate: string | null): Job {
    const known = this.jobs.get(name);
    if (known) return known;
    const job: Job = {
      name,
      step,
      gate,
      spec: false,
      claim: null,
      identity: null,
      behaviour: null,
      live: false,
      leftovers: false,
      stopped: false,
      starts: 0,
      claimed_t: 0,
      exit: null,
      output_at: null,
      claimed: null,
      claim_problem: null,
      flood: false,
      session: null,
      talks: false,
      prompt: new Set(),
      notes: { left: new Set(), given: new Set(), said: new Set() },
      through: false,
      loop: null,
      ready: false,
      beside: null,
      ended_t: null,
    };
    this.jobs.set(name, job);
    return job;
  }

  facts(name: string): JobFacts | null {
    const job = this.jobs.get(name);
    if (!job || (!job.spec && !job.claim)) return null;
    const silent = job.behaviour?.kind === 'silent' || job.through;
    return {
      claimed: job.claim !== null,
      alive: job.live,
      exited: job.exit !== null,
      last_output_at: job.live && !silent ? this.iso() : job.output_at,
      result_at: null,
      flood: job.flood,
      recording: false,
      signs: job.live && job.behaviour?.claim ? this.#signs(job) : null,
    };
  }

  #signs(job: Job): Signs {
    const { in_tool } = job.behaviour!;
    return {
      used: this.usedBy(job),
      in_tool,
      through: job.through,
      answered: job.through,
      loop: job.loop,
      progress_at: null,
    };
  }

  /** The truth about what a session has used so far. */
  usedBy(job: Job): Used {
    if (!job.behaviour?.claim || job.starts === 0) return { tokens: 0, usd: 0 };
    const { tokens_per_minute, is_priced } = job.behaviour;
    const minutes = ((job.ended_t ?? this.t) - job.claimed_t) / 60_000;
    const tokens = Math.floor(tokens_per_minute * minutes);
    return { tokens, usd: is_priced ? tokens / 1000 : 0 };
  }

  /** A runner: claims the job a moment later, unless somebody was first. `behave` says how it goes on. */
  spawn(job: Job, behave: () => Behaviour): void {
    const { boot } = this;
    this.after(this.rng.int(0, 30), () => {
      if (this.boot !== boot || job.claim) return;
      job.claim = 'runner';
      job.claimed_t = this.t;
      job.identity = { boot, pid: this.#pid++, start: this.t };
      this.#start(job, behave());
    });
  }

  #start(job: Job, behaviour: Behaviour): void {
    job.starts++;
    must(job.starts === 1, 2, `${job.name} was started ${job.starts} times`);
    for (const other of this.jobs.values()) {
      const same = other.step === job.step && (other.gate === null) === (job.gate === null);
      must(
        other === job || !same || !(other.live || other.leftovers),
        2,
        `${job.name} started while ${other.name} is alive`,
      );
    }
    for (const other of this.jobs.values())
      must(
        other === job || !other.live || other.session === null || other.session !== job.session,
        2,
        `${job.name} works in the session of ${other.name}, which is alive`,
      );
    job.behaviour = behaviour;
    job.live = true;
    job.output_at = this.iso();
    this.#alive(job, +1);
    this.#grows(job);
    const { boot } = this;
    const later = (ms: number, run: () => void) =>
      this.after(ms, () => {
        if (this.boot === boot && job.live) run();
      });
    switch (behaviour.kind) {
      case 'startup':
        this.end(job, { result: 'not-found', code: null, signal: null });
        return;
      case 'hang':
      case 'silent':
        return;
      case 'loop':
        later(behaviour.duration_ms, () => {
          job.loop = 'Bash {"command":"true"}';
          this.onChange(0);
        });
        return;
      case 'through':
        later(behaviour.duration_ms, () => {
          job.through = true;
          job.output_at = this.iso();
          this.onChange(0);
        });
        return;
      case 'flood':
        later(behaviour.duration_ms, () => {
          job.flood = true;
          this.onChange(0);
        });
        return;
      case 'lost':
        later(behaviour.duration_ms, () => this.#lose(job));
        return;
      case 'oom':
        later(behaviour.duration_ms, () =>
          this.end(job, { result: 'exited', code: 137, signal: 9, ended_by: 'memory' }),
        );
        return;
      case 'killed':
        later(behaviour.duration_ms, () => this.end(job, { result: 'killed', code: null, signal: null }));
        return;
      default:
        later(behaviour.duration_ms, () =>
          this.end(job, { result: 'exited', code: exitCode(behaviour), signal: null }),
        );
    }
  }

  /** Whoever listens hears every so often that more was used. */
  #grows(job: Job): void {
    const { boot } = this;
    if (job.behaviour!.tokens_per_minute === 0) return;
    this.after(20_000, () => {
      if (this.boot !== boot || !job.live) return;
      this.onChange(0);
      this.#grows(job);
    });
  }

  /** The command is over and its runner wrote that down. */
  end(job: Job, exit: Pick<ExitFacts, 'result' | 'code' | 'signal'> & Partial<ExitFacts>): void {
    this.#change(job);
    job.claimed = job.behaviour!.claim;
    job.claim_problem = job.behaviour!.kind === 'bad_result' ? 'the result file is not JSON' : null;
    job.output_at = this.iso();
    job.ended_t = this.t;
    job.exit = { ended_by: null, cpu_ms: null, memory_peak_bytes: null, ...exit, ended_at: this.iso() };
    job.leftovers = job.behaviour!.leftovers;
    job.live = false;
    this.#alive(job, -1);
    this.onChange(this.rng.chance(0.5) ? 0 : this.rng.int(0, 250));
  }

  /** The session program sees a note in its folder, and says it when the agent can hear it. */
  leave(job: Job, note: number): void {
    job.notes.left.add(note);
    const { boot } = this;
    const say = () => {
      if (this.boot !== boot || !job.live || !job.notes.left.has(note)) return;
      if (this.rng.chance(0.3)) this.after(this.rng.int(100, 60_000), say);
      else {
        job.notes.left.delete(note);
        job.notes.said.add(note);
      }
    };
    this.after(this.rng.int(0, 2000), say);
  }

  /** Command and runner are gone, and nobody wrote down why. */
  #lose(job: Job): void {
    this.#change(job);
    job.ended_t = this.t;
    job.output_at = this.iso();
    job.leftovers = job.behaviour!.leftovers;
    job.live = false;
    this.#alive(job, -1);
    this.onChange(this.rng.int(0, 1000));
  }

  /** What work leaves in the worktree. */
  #change(job: Job): void {
    const { worktree } = this;
    if (job.gate !== null || job.beside || !worktree || IDLE.has(job.behaviour!.kind)) return;
    worktree.dirty.add(job.name);
    worktree.hit ||= job.behaviour!.kind === 'diff_hit';
    worktree.unmerged ||= job.behaviour!.kind === 'unmerged';
    worktree.rewritten ||= job.behaviour!.kind === 'rewritten';
  }

  /** A signal to the process group that a runner wrote down. */
  signal(job: Job, identity: Identity | null, signal: 'TERM' | 'KILL'): void {
    const mine = job.identity;
    const fits =
      identity !== null &&
      mine !== null &&
      identity.boot === this.boot &&
      mine.boot === this.boot &&
      identity.pid === mine.pid;
    must(
      fits && identity.start === mine.start,
      3,
      `SIG${signal} to ${job.name} without the identity of a living process`,
    );
    if (signal === 'TERM' && job.behaviour!.ignores_term) return;
    if (job.live) this.end(job, { result: 'exited', code: null, signal: signal === 'TERM' ? 15 : 9 });
    job.leftovers = false;
  }

  /** The power fails: no process is left, and what was not synced may be gone. */
  reboot(): void {
    for (const job of this.jobs.values()) {
      // A shutdown in good order: the manager stops the unit and records it.
      if (job.live && job.identity && this.rng.chance(0.3)) {
        this.end(job, { result: 'exited', code: 143, signal: 15, ended_by: 'machine' });
        job.leftovers = false;
      }
      if (job.live) {
        this.#change(job);
        job.ended_t = this.t;
        job.live = false;
        if (job.behaviour!.kind !== 'silent') job.output_at = this.iso();
        this.#alive(job, -1);
        // The claim is not synced; the record of an end is.
        if (this.t - job.claimed_t < 5000 && this.rng.chance(0.5)) {
          job.claim = null;
          job.identity = null;
          job.output_at = null;
        }
      }
      job.leftovers = false;
    }
    this.boot = `boot-${++this.#boots}`;
    this.#bootAt = this.t;
    this.slept = 0;
    this.#pid = 100;
  }

  /** True active time up to now. */
  activeNow(): number {
    return this.active_ms + (this.#liveJobs > 0 ? this.t - this.#liveSince : 0);
  }

  checkout(head: string): void {
    this.worktree = { head, dirty: new Set(), hit: false, unmerged: false, rewritten: false };
  }

  /** How long the oldest process has been alive: that much of it a power cut may hide. */
  silence(): number {
    return Math.max(
      0,
      ...[...this.jobs.values()]
        .filter(job => job.live && !isService(job))
        .map(job => this.t - job.claimed_t),
    );
  }

  /** Work is done; services are none. */
  isLive(): boolean {
    return [...this.jobs.values()].some(job => job.live && !isService(job));
  }

  /** Services that are up. */
  up(): Job[] {
    return [...this.jobs.values()].filter(job => isService(job) && (job.live || job.leftovers));
  }

  descends(commit: string, from: string): boolean {
    for (let at: string | null = commit; at !== null; at = this.commits.get(at)!.parent) {
      if (at === from) return true;
      if (this.commits.get(at)!.rewritten) return false;
    }
    return false;
  }

  sameTree(a: string, b: string): boolean {
    const [x, y] = [this.commits.get(a)!.work, this.commits.get(b)!.work];
    return x.size === y.size && [...x].every(name => y.has(name));
  }

  #alive(job: Job, change: 1 | -1): void {
    if (isService(job)) return;
    if (this.#liveJobs === 0) this.#liveSince = this.t;
    this.#liveJobs += change;
    if (this.#liveJobs === 0) this.active_ms += this.t - this.#liveSince;
  }
}

const isService = ({ beside }: Job) => beside === 'service';

/** What leaves nothing in the worktree. */
export const IDLE: ReadonlySet<string> = new Set(['no_change', 'session_lost']);

function exitCode(behaviour: Behaviour): number {
  const { kind, claim } = behaviour;
  if (kind === 'failed' || kind === 'crash') return 1;
  if (kind === 'fail') return claim ? 0 : 1;
  return kind === 'limit' ||
    kind === 'overloaded' ||
    kind === 'network' ||
    kind === 'auth' ||
    kind === 'session_lost' ||
    kind === 'context'
    ? 1
    : 0;
}

function fail(message: string): never {
  throw new Error(message);
}
