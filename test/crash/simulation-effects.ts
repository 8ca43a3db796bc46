/**
 * What each effect does to the simulated world, in the stages of src/supervisor/effects: between two of them a crash may
 * come. Doing it again finds it done, as it must in the real one.
 */

import type { SessionFacts } from '../../src/contract/event.ts';
import type { Effect, Result, Trouble } from '../../src/engine/effect.ts';
import { gatesOf, isAgentStep, subtaskOf } from '../../src/engine/gates-of.ts';
import { notesInPrompt, notesSinceThen } from '../../src/engine/notes.ts';
import { agentOfAttempt, backendAt } from '../../src/engine/relay.ts';
import { STEP, type Step, stepOf, type TaskState } from '../../src/engine/state.ts';
import { type Behaviour, type Draft, gateBehaviour, makePlan, workBehaviour } from './simulation-draft.ts';
import { Rng } from './simulation-random.ts';
import { type Job, must, type World } from './simulation-world.ts';

/** An effect that could not be done. `expected`: a named error, which is not tried again. */
export class Fault extends Error {
  readonly expected: boolean;
  constructor(message: string, expected: boolean) {
    super(message);
    this.expected = expected;
  }
}

export interface Control {
  /** Raised: a stop must not wait any longer. */
  force: boolean;
  /** Raised: nobody asks for it any more. */
  unwanted?: boolean;
}

/** An effect that meets trouble of the machine. */
export class MachineTrouble extends Error {
  readonly why: Trouble['why'];
  constructor(why: Trouble['why'], message: string) {
    super(message);
    this.why = why;
  }
}

/** Milliseconds that pass, and what has been done before. */
export type Stages = Generator<{ ms: number; stage: string }, Result>;

/** What readies the worktree, or plans in it, leaves nothing that has to be kept. */
const UNCOMMITTED: ReadonlySet<string> = new Set([STEP.setup, STEP.plan]);

/** Every third commit changes the lock file. */
const lockOf = ({ spec }: TaskState, commit: string): { setup?: string } =>
  spec.setup === null || spec.workspace.kind !== 'git'
    ? {}
    : { setup: `lock ${commit === 'base' ? 0 : Math.floor(Number(commit.slice(1)) / 3)}` };

const GRACE_MS = 30_000;
const SWEEP_MS = 2000;
const REPORT_MS = 10_000;
const TELL_MS = 30_000;

export class Effects {
  readonly #world: World;
  readonly #draft: Draft;
  readonly #rng: Rng;
  /** What goes wrong goes well from now on. */
  healed = false;
  readonly #gateRuns = new Map<string, number>();

  readonly #recordKey: (nonce: string) => string;

  constructor(world: World, draft: Draft, recordKey: (nonce: string) => string) {
    this.#world = world;
    this.#recordKey = recordKey;
    this.#draft = draft;
    this.#rng = new Rng(`faults ${draft.seed}`);
  }

  perform(state: TaskState, effect: Effect, control: Control): Stages {
    switch (effect.type) {
      case 'prepare':
        return this.#prepare(state, effect);
      case 'launch':
        return this.#launch(state, effect);
      case 'end':
        return this.#end(state, effect, control);
      case 'tell':
        return this.#tell(state, effect);
      case 'probe':
        return this.#probe(effect, control);
      case 'seal':
        return this.#seal(state, effect);
      case 'judge':
        return this.#judge(state, effect);
      case 'mark_good':
        return this.#markGood(effect);
      case 'accept_plan':
        return this.#acceptPlan(state, effect);
      case 'notify':
        return this.#notify(effect);
      case 'rollback':
        return this.#rollback(state);
      case 'merge':
        return this.#merge(state, effect);
    }
  }

  *#prepare(state: TaskState, effect: Extract<Effect, { type: 'prepare' }>): Stages {
    const world = this.#world;
    const step = stepOf(state, effect.step);
    const attempt = step.attempt!;
    yield { ms: 1, stage: 'begun' };
    this.#fault('prepare');
    const git = state.spec.workspace.kind === 'git';
    if (git) {
      if (!world.worktree) world.checkout('base');
      yield { ms: 5, stage: 'worktree' };
      const other = state.steps.some(
        s => s.id !== step.id && s.attempt && s.kind !== 'service' && s.kind !== 'finally',
      );
      const isBeside = step.kind === 'service' || step.kind === 'finally';
      if (step.kind !== 'final' && !isBeside && (isAgentStep(state, step) || !other)) {
        yield* this.#reset(state, attempt.from ?? 'base', `${step.id}/${attempt.n}`);
      }
    }
    if (attempt.work) {
      const job = world.makeJob(attempt.job, step.id, null);
      if (step.kind === 'service' || step.kind === 'finally') job.beside = step.kind;
      // What an earlier supervisor wrote stands.
      if (!job.spec && isAgentStep(state, step)) {
        const told =
          attempt.resume === null ? notesInPrompt(state, attempt) : notesSinceThen(state, step, attempt);
        job.prompt = new Set(told.map(({ note }) => note));
        job.session = attempt.resume ?? `session of ${job.name}`;
        job.talks = this.#draft.talks;
      }
      job.spec = true;
      yield { ms: 2, stage: 'folder' };
    }
    return {
      type: 'prepare',
      workspace: git ? { base: 'base', branch: 'rasen/life', path: '/simulated/worktree' } : null,
      record_key: this.#recordKey(attempt.nonce),
      ...lockOf(state, attempt.from ?? 'base'),
      ...(step.kind === 'final' && git ? this.#asked(attempt.from ?? 'base') : {}),
    };
  }

  /** What a final check asks of the commit besides its gates. */
  #asked(commit: string): { base_config?: string[]; sources?: number } {
    const rng = new Rng(`${this.#draft.seed} asked ${commit}`);
    return {
      ...(this.#draft.spec.base_config && rng.chance(0.2) ? { base_config: ['package.json'] } : {}),
      ...(this.#draft.spec.mutation_check && commit !== 'base' && rng.chance(0.8) ? { sources: 2 } : {}),
    };
  }

  /** Keeps what attempts left, and brings the worktree to the commit. */
  *#reset(state: TaskState, head: string, who: string): Generator<{ ms: number; stage: string }, void> {
    const world = this.#world;
    for (const { step: left, n } of state.unsealed) {
      this.#commit(`attempt/${left}/${n}`);
      yield { ms: 5, stage: 'kept' };
    }
    const lost = [...world.worktree!.dirty].filter(name => !UNCOMMITTED.has(name.split('/')[0]!));
    must(lost.length === 0, 1, `${who} resets what ${lost} left and nobody committed`);
    const live = [...world.jobs.values()].find(job => job.live && job.gate === null && !job.beside);
    must(!live, 2, `${who} resets the worktree under ${live?.name}`);
    must(world.commits.has(head), 1, `${who} goes to ${head}, which is no commit`);
    world.checkout(head);
    yield { ms: 5, stage: 'reset' };
  }

  *#rollback(state: TaskState): Stages {
    yield { ms: 5, stage: 'begun' };
    this.#fault('rollback');
    if (new Rng(`${this.#draft.seed} ${state.rollback!.op}`).chance(0.2))
      throw new Fault('the repository is gone', true);
    yield* this.#reset(state, state.rollback!.commit, 'the rollback');
    return { type: 'rollback' };
  }

  *#launch(state: TaskState, effect: Extract<Effect, { type: 'launch' }>): Stages {
    const world = this.#world;
    const step = stepOf(state, effect.step);
    yield { ms: 1, stage: 'begun' };
    this.#fault('launch');
    const gate = effect.gate === null ? null : gatesOf(state, step)[effect.gate]!;
    if (gate && (gate.kind === 'review' || gate.kind === 'qa')) yield { ms: 50, stage: 'checkout' };
    const job = world.makeJob(effect.job, step.id, gate?.name ?? null);
    job.spec = true;
    yield { ms: 1, stage: 'folder' };
    if (job.claim === null) world.spawn(job, () => this.#behaviour(state, step, job));
    const until = world.t + REPORT_MS;
    do yield { ms: 10, stage: 'spawned' };
    while (!job.identity && !job.exit && world.t < until);
    return { type: 'launch', sandbox: null, pid: job.identity?.pid ?? 0, cage: 'unit', talks: job.talks };
  }

  #behaviour(state: TaskState, step: Step, job: Job): Behaviour {
    const { healed } = this;
    const { session_timeout_seconds } = state.spec.limits;
    let behaviour: Behaviour;
    if (job.gate === null) {
      const agent = isAgentStep(state, step);
      behaviour = workBehaviour(this.#draft, {
        job: job.name,
        step: step.id,
        agent,
        resumes: step.attempt?.resume != null,
        healed,
        service: step.kind === 'service',
        now_ms: this.#world.now,
      });
    } else {
      const judge = job.gate === 'review' || job.gate === 'qa';
      const times = this.#gateRuns.get(job.gate) ?? 0;
      this.#gateRuns.set(job.gate, times + 1);
      behaviour = gateBehaviour(this.#draft, { job: job.name, name: job.gate, judge, healed, times });
      // Without a timeout nobody ends it, and that is what the user said.
      if (judge && behaviour.kind === 'hang' && session_timeout_seconds === null)
        return { ...behaviour, kind: 'fail' };
    }
    if (job.gate === null && behaviour.kind === 'hang' && session_timeout_seconds === null)
      return { ...behaviour, kind: 'silent' };
    return behaviour;
  }

  *#end(state: TaskState, effect: Extract<Effect, { type: 'end' }>, control: Control): Stages {
    const world = this.#world;
    const gate = effect.gate === null ? null : gatesOf(state, stepOf(state, effect.step))[effect.gate]!;
    const job = world.makeJob(effect.job, effect.step, gate?.name ?? null);
    this.#broken('end');
    const early = job.exit !== null && !job.stopped;
    job.stopped ||= effect.kill !== null && !early;
    job.claim ??= 'fence';
    yield { ms: 1, stage: 'fenced' };
    if (job.live || job.leftovers) {
      const { identity } = job;
      world.signal(job, identity, 'TERM');
      yield { ms: 20, stage: 'terminated' };
      const until = world.t + (effect.kill === null ? SWEEP_MS : GRACE_MS);
      while ((job.live || job.leftovers) && !control.force && world.t < until)
        yield { ms: 500, stage: 'waits' };
      if (job.live || job.leftovers) world.signal(job, identity, 'KILL');
      yield { ms: 5, stage: 'empty' };
    }
    const log = gate ? 'log' : null;
    return {
      type: 'end',
      facts: {
        exit: job.exit,
        ended_by_itself: early,
        last_seen_at: job.output_at,
        output_bytes: 1,
        dropped_bytes: 0,
        claim: job.claimed,
        claim_problem: job.claim_problem,
        session: this.#sessionOf(
          job,
          backendAt(state, gate ? 0 : agentOfAttempt(stepOf(state, effect.step).attempt!)),
        ),
        notes_said: [...job.notes.given].filter(note => !job.notes.left.has(note)),
        log_sha256: log,
        log_tail: log,
        forged: [],
        base_tests: gate?.variant === 'base_tests' ? ['test/a.test.js'] : [],
      },
    };
  }

  /** What the program of an agent says of its session at the end. */
  #sessionOf(job: Job, backend: string): SessionFacts | null {
    const { session, starts, behaviour } = job;
    if (!behaviour?.claim || starts === 0) return null;
    const { tokens, usd } = this.#world.usedBy(job);
    const cost_usd = behaviour.is_priced ? usd : null;
    const usage = {
      input_tokens: tokens,
      cached_input_tokens: 0,
      output_tokens: 0,
      cost_usd,
      partial: false,
    };
    const outcome = behaviour.kind === 'unable' ? behaviour.claim.status : 'ok';
    const said = {
      outcome,
      evidence: 'event',
      usage,
      denied: [],
      unknown: {},
      unreadable: 0,
    };
    const resumable = session !== null && this.#draft.resumes;
    return { backend, ids: session === null ? [] : [session], resumable, ...said };
  }

  /** Its own time: ready a while after it began, or never; well until it is not. */
  *#probe(effect: Extract<Effect, { type: 'probe' }>, control: Control): Stages {
    const world = this.#world;
    const job = world.job(effect.job);
    const rng = new Rng(`${this.#draft.seed} ${job.name}`);
    const from = job.claimed_t + rng.int(0, 20_000);
    const comes = this.healed || !rng.chance(this.#draft.trouble / 2);
    const ill_from =
      !this.healed && rng.chance(this.#draft.trouble / 2) ? from + rng.int(1000, 600_000) : null;
    const gone = () => control.unwanted === true || !job.live;
    for (;;) {
      yield { ms: effect.what === 'ready' ? 2000 : 30_000, stage: 'looks' };
      if (gone()) return { type: 'probe', found: 'gone', detail: '' };
      const well = comes && world.t >= from && (ill_from === null || world.t < ill_from);
      if (effect.what === 'ready' && well) {
        job.ready = true;
        return { type: 'probe', found: 'ready', detail: '' };
      }
      const late = effect.what === 'ready' ? world.t >= job.claimed_t + 60_000 : !well;
      if (late) return { type: 'probe', found: 'failed', detail: 'no answer' };
    }
  }

  *#tell(state: TaskState, effect: Extract<Effect, { type: 'tell' }>): Stages {
    const world = this.#world;
    const job = world.job(effect.job);
    const { notes } = job;
    yield { ms: 1, stage: 'begun' };
    this.#fault('tell');
    must(
      state.notes.some(({ note }) => note === effect.note),
      1,
      `${effect.key} of a note that is not there`,
    );
    if (!notes.given.has(effect.note)) world.leave(job, effect.note);
    yield { ms: 1, stage: 'left' };
    notes.given.add(effect.note);
    yield { ms: 1, stage: 'marked' };
    const until = world.t + TELL_MS;
    while (notes.left.has(effect.note) && job.exit === null && world.t < until)
      yield { ms: 5000, stage: 'waits' };
    return { type: 'tell', said: !notes.left.has(effect.note) };
  }

  *#seal(state: TaskState, effect: Extract<Effect, { type: 'seal' }>): Stages {
    const world = this.#world;
    const step = stepOf(state, effect.step);
    yield { ms: 5, stage: 'begun' };
    this.#fault('seal');
    const live = [...world.jobs.values()].find(job => job.live && job.gate === null && !job.beside);
    must(!live, 2, `${effect.key} while ${live?.name} works in the worktree`);
    const ref = `attempt/${effect.step}/${effect.n}`;
    const good = state.good.at(-1)?.commit ?? 'base';
    yield { ms: 5, stage: 'committed' };
    const id = this.#commit(ref);
    yield { ms: 5, stage: 'settled' };
    const commit = world.commits.get(id)!;
    return {
      type: 'seal',
      sealed: {
        commit: id,
        tree: [...commit.work].sort().join('+'),
        changed: !world.sameTree(id, good),
        commits: world.sameTree(id, good) ? 0 : 1,
        leftovers: 1,
        on_branch: true,
        descends: world.descends(id, good),
        unmerged: commit.unmerged ? ['a'] : [],
        ...lockOf(state, id),
        ...this.#configOf(state, step, id),
      },
    };
  }

  /** Agents change configuration now and then; what a person has looked at is no change any more. */
  #configOf(state: TaskState, step: Step, id: string): { base_config?: string[] } {
    const isAsked = state.spec.base_config && isAgentStep(state, step) && id !== state.approved;
    return isAsked && new Rng(`${this.#draft.seed} config ${id}`).chance(0.15)
      ? { base_config: ['Makefile'] }
      : {};
  }

  /** What is in the worktree, under the ref; once. */
  #commit(ref: string): string {
    const world = this.#world;
    const known = world.refs.get(ref);
    const worktree = world.worktree!;
    let id = known ?? worktree.head;
    if (known === undefined && (worktree.dirty.size > 0 || worktree.hit || worktree.unmerged)) {
      const head = world.commits.get(worktree.head)!;
      id = `c${world.commits.size}`;
      const { hit, unmerged, rewritten } = worktree;
      const work = new Set([...head.work, ...worktree.dirty]);
      world.commits.set(id, { id, parent: head.id, work, hit, unmerged, rewritten });
    }
    world.refs.set(ref, id);
    world.checkout(id);
    return id;
  }

  *#judge(state: TaskState, effect: Extract<Effect, { type: 'judge' }>): Stages {
    const step = stepOf(state, effect.step);
    const sealed = step.attempt!.sealed!;
    yield { ms: 5, stage: 'begun' };
    this.#fault('judge');
    const gate = gatesOf(state, step)[effect.gate]!;
    const reason = this.truthOf(gate.kind, sealed.commit, state, step);
    return { type: 'judge', found: { reason, needs_person: gate.kind === 'diff' } };
  }

  /** What a built-in gate has to say of a commit. */
  truthOf(kind: string, id: string, state: TaskState, step: Step): string | null {
    const world = this.#world;
    const commit = world.commits.get(id)!;
    const good = state.good.at(-1)?.commit ?? 'base';
    if (kind === 'diff') return commit.hit ? 'a protected path was changed' : null;
    if (commit.unmerged) return 'unmerged';
    if (!world.descends(id, good)) return 'rewritten';
    const allowed = step.kind === 'subtask' && subtaskOf(state, step.id).allow_empty;
    return world.sameTree(id, good) && !allowed ? 'nothing was changed' : null;
  }

  *#markGood(effect: Extract<Effect, { type: 'mark_good' }>): Stages {
    const { refs } = this.#world;
    yield { ms: 3, stage: 'begun' };
    this.#fault('mark_good');
    const ref = `good/${effect.k}`;
    refs.set(ref, effect.commit);
    yield { ms: 3, stage: 'ref' };
    return { type: 'mark_good' };
  }

  *#acceptPlan(state: TaskState, effect: Extract<Effect, { type: 'accept_plan' }>): Stages {
    yield { ms: 3, stage: 'begun' };
    this.#fault('accept_plan');
    const rng = new Rng(`${this.#draft.seed} plan ${effect.n}`);
    if (!this.healed && rng.chance(0.2))
      return { type: 'accept_plan', accepted: null, problem: 'subtasks need each other' };
    const plan = { ...makePlan(rng, 1, 'planner'), rev: state.plan_rev + 1 };
    return { type: 'accept_plan', accepted: { plan, sha256: shaOf(plan) }, problem: null };
  }

  *#notify(effect: Extract<Effect, { type: 'notify' }>): Stages {
    const { told } = this.#world;
    yield { ms: 5, stage: 'begun' };
    this.#fault('notify');
    const ok = this.#rng.chance(0.8);
    if (ok) told.set(effect.notice, (told.get(effect.notice) ?? 0) + 1);
    yield { ms: this.#rng.int(5, 20_000), stage: 'sent' };
    return { type: 'notify', ok, detail: ok ? null : 'nobody answers' };
  }

  *#merge(state: TaskState, effect: Extract<Effect, { type: 'merge' }>): Stages {
    const { target } = this.#world;
    yield { ms: 5, stage: 'begun' };
    this.#broken('merge');
    if (new Rng(`${this.#draft.seed} ${effect.op}`).chance(0.3))
      throw new Fault('the test gate is red on the merge result', true);
    yield { ms: 50, stage: 'checked' };
    const commit = state.good.at(-1)!.commit;
    const before = target.commit;
    if (target.commit !== commit) {
      target.commit = commit;
      target.moves++;
    }
    yield { ms: 5, stage: 'moved' };
    return { type: 'merge', merged: { into: 'main', before, commit, fast_forward: true }, gates: [] };
  }

  #broken(effect: string): void {
    const { t } = this.#world;
    const broken = this.#draft.weather.broken.find(w => t >= w.from && t < w.to);
    if (broken) throw new MachineTrouble(broken.why, `${effect} meets trouble`);
  }

  #fault(effect: string): void {
    if (effect !== 'tell' && effect !== 'notify') this.#broken(effect);
    if (this.healed || !this.#rng.chance(this.#draft.fault)) return;
    throw new Fault(`${effect} cannot be done`, this.#rng.chance(0.3));
  }
}

/** Stands for the hash of a plan: the plan itself. */
export function shaOf(plan: { subtasks: readonly unknown[] }): string {
  return new Rng(JSON.stringify(plan.subtasks)).next().toString(16).padEnd(64, '0');
}
