/** The invariants of the architecture (section 7) as code, asked at every event; and what the lives have reached. */
import type { Budget } from '../../src/contract/budget.ts';
import { type Event, type EventType, eventProblem } from '../../src/contract/event.ts';
import {
  isTerminal,
  isTurn,
  type Outcome,
  type StopReason,
  TRANSITIONS,
  type WaitReason,
} from '../../src/contract/status.ts';
import { budgetsSoFar, budgetText } from '../../src/engine/budget.ts';
import { gatesOf, isAgentStep, isIdle, subtaskIn, subtaskOf } from '../../src/engine/gates-of.ts';
import { LIMIT_RETRY } from '../../src/engine/limit-policy.ts';
import { LOGIN_TRIES } from '../../src/engine/login.ts';
import { isToldOf, MAX_NOTICES_PER_HOUR } from '../../src/engine/notices.ts';
import { allowanceOf } from '../../src/engine/retry.ts';
import { stepOf, type TaskState } from '../../src/engine/state.ts';
import { HOUR } from './simulation-draft.ts';
import type { Effects } from './simulation-effects.ts';
import { Waits } from './simulation-waits.ts';
import { IDLE, must, type World } from './simulation-world.ts';

/** What all lives together have reached. */
export class Coverage {
  readonly events = new Set<EventType>();
  readonly outcomes = new Set<Outcome>();
  /** How gates ended without a judgement, and which of them keep their work waiting. */
  readonly dropped = new Set<string>();
  readonly transitions = new Set<string>();
  /** Kind of effect or event, before or after or between, and the status of the task. */
  readonly crashPoints = new Set<string>();
  /** Budgets that ended a session; and why sessions were stopped. */
  readonly budgets = new Set<Budget>();
  readonly stops = new Set<StopReason>();
  readonly waits = new Set<WaitReason>();
  /** Whether a gate sees the change; and what a person was asked about, and accepted. */
  readonly mutations = new Set<string>();
  readonly config = new Set<'blocked' | 'approved'>();
  readonly rests = new Map<string, number>();
  /** When another agent took over, and when the first one was back. */
  readonly relays = new Set<string>();
  lives = 0;
  crashes = 0;
  eventsMade = 0;

  static allTransitions(): string[] {
    return Object.entries(TRANSITIONS).flatMap(([from, list]) => list.map(to => `${from} → ${to}`));
  }
}

/** Events of one life: so many for each attempt made, crash suffered, wish and hour of waiting. */
const EVENTS_FIXED = 100;
const EVENTS_PER_ATTEMPT = 40;
const EVENTS_PER_CRASH = 25;

export class Checks {
  readonly #world: World;
  readonly #effects: Effects;
  readonly #coverage: Coverage;
  readonly #plans = new Map<number, string>();
  /** Job that completed a step, while it counts as completed. */
  readonly #completedBy = new Map<string, string>();
  /** Steps whose last attempt ended well, until somebody asks for them again. */
  readonly #ok = new Set<string>();
  /** Sessions that were gone on with. */
  readonly #gone_on = new Set<string>();
  /** Work that was handed over, and of whose end the agents were told. */
  readonly #handed_back = new Set<string>();
  readonly waits: Waits;

  constructor(world: World, effects: Effects, coverage: Coverage) {
    this.#world = world;
    this.#effects = effects;
    this.#coverage = coverage;
    this.waits = new Waits(world);
  }

  /** An event that was made durable, with the state before and after. */
  event(before: TaskState, event: Event, after: TaskState): void {
    this.#coverage.events.add(event.type);
    this.#coverage.eventsMade++;
    const problem = eventProblem(event.type, event);
    must(problem === null, 3, `event ${event.seq} (${event.type}) has a form of its own: ${problem}`);
    this.waits.event(before.boot!, event);
    if (event.type === 'attempt_closed' || event.type === 'attempt_ended')
      this.#coverage.outcomes.add(event.outcome);
    if (before.status !== after.status && event.type !== 'task_submitted') {
      this.#coverage.transitions.add(`${before.status.name} → ${after.status.name}`);
    }
    switch (event.type) {
      case 'attempt_stopping':
        this.#coverage.stops.add(event.reason);
        if (event.over) this.#coverage.budgets.add(event.over.budget);
        return;
      case 'attempt_created':
        this.#created(before, event.step, event.work);
        this.#served(before, event.step);
        this.#relayed(before, event.step, event.agent ?? 0, event.t);
        if (event.resume) this.#resumed(before, event.step, event.from, event.resume);
        if (isAgentStep(before, stepOf(before, event.step))) this.#inTime(before, event.step, event.t);
        return;
      case 'gate_started': {
        const step = stepOf(before, event.step);
        const { kind } = gatesOf(before, step)[event.gate]!;
        if (kind !== 'review' && kind !== 'qa') return;
        this.#mayUse(before, step);
        this.#inTime(before, event.step, event.t);
        return;
      }
      case 'gate_dropped':
        this.#coverage.dropped.add(event.hold ? `${event.outcome}, held` : event.outcome);
        if (event.hold?.wait === 'limit') this.#waits(before, event.t, event.hold.retry_at);
        return;
      case 'attempt_closed':
        if (event.outcome === 'ok') {
          this.#ok.add(event.step);
          this.#asked(before, stepOf(before, event.step));
        }
        if (event.wait === 'limit') this.#waits(before, event.t, event.retry_at);
        this.#closed(event.step, event.n);
        return;
      case 'step_completed':
        this.#completed(before, after, event.step, event.commit);
        return;
      case 'step_reset':
        this.#completedBy.delete(event.step);
        this.#ok.delete(event.step);
        return;
      case 'rolled_back':
        must(
          this.#world.worktree!.head === event.commit && this.#world.worktree!.dirty.size === 0,
          4,
          `rolled back to ${event.commit}, and the worktree is at ${this.#world.worktree!.head}`,
        );
        for (const step of event.steps) {
          this.#completedBy.delete(step);
          this.#ok.delete(step);
        }
        return;
      case 'plan_frozen':
        // What is pending now is new, or was changed.
        for (const step of after.steps) if (step.status === 'pending') this.#ok.delete(step.id);
        return;
      case 'task_completed':
        this.#rests(after);
        this.#finished(after, event.commit);
        return;
      case 'task_failed':
      case 'task_cancelled':
      case 'task_interrupted':
        this.#rests(after);
        return;
      case 'task_waiting':
        this.#coverage.waits.add(event.why);
        must(
          isTurn(event.why) || event.resume_at > event.t,
          8,
          `waits until ${event.resume_at}, which is over`,
        );
        return;
      case 'note_added':
        must(
          event.by === 'user' || event.to !== null || !this.#handed_back.has(event.op ?? ''),
          1,
          `what came of ${event.op} is told twice`,
        );
        if (event.by === 'rasen' && event.op !== null) this.#handed_back.add(event.op);
        return;
      case 'note_told': {
        const job = this.#world.workOf(event.step, event.n);
        const has = event.how === 'live' ? job?.notes.said : job?.prompt;
        must(
          has?.has(event.note) ?? false,
          1,
          `note ${event.note} was told to ${job?.name} (${event.how}), and it has not heard it`,
        );
        return;
      }
      case 'task_resumed':
        for (const { id, kind, status } of after.steps)
          if ((kind === 'service' || kind === 'finally') && status === 'pending') this.#ok.delete(id);
        if (after.approved !== before.approved) this.#coverage.config.add('approved');
        return;
      case 'task_blocked':
        if (event.message.includes('base_config:')) this.#coverage.config.add('blocked');
        must(event.message.length > 0, 8, 'blocked without a reason');
        must(
          !event.retry_at || event.retry_at > event.t,
          8,
          `looks again at ${event.retry_at}, which is over`,
        );
        return;
      case 'notified': {
        must(!isToldOf(before, event.key), 2, `a person is told twice of ${event.key}`);
        if (event.ok) must(this.#world.told.has(event.key), 1, `told of ${event.key}, and nobody got it`);
        const recent = after.notified.filter(({ t }) => Math.abs(Date.parse(event.t) - Date.parse(t)) < HOUR);
        must(recent.length <= 2 * MAX_NOTICES_PER_HOUR, 9, `${recent.length} notices within an hour`);
        return;
      }
      case 'login_retried':
        must(before.spec.auto_resume && before.want === 'run', 8, 'looks for a login that nobody wants');
        must(after.login!.tries <= LOGIN_TRIES, 9, `looked for a login ${after.login!.tries} times`);
        return;
    }
  }

  /** Asked whenever the supervisor has looked. */
  state(state: TaskState): void {
    this.waits.looked(state);
    if (state.plan) {
      const known = this.#plans.get(state.plan_rev);
      const now = `${state.plan_sha256} ${JSON.stringify(state.plan)}`;
      must(known === undefined || known === now, 6, `plan rev ${state.plan_rev} changed`);
      this.#plans.set(state.plan_rev, now);
      must(state.plan.rev === state.plan_rev, 6, `plan says rev ${state.plan.rev} and is ${state.plan_rev}`);
    }
    must(state.active.live >= 0 && state.active.total_ms >= 0, 9, 'active time is negative');
    must(
      state.active.before_ms <= state.active.total_ms,
      9,
      'active time before the last resume is more than all of it',
    );
    must(
      state.good.every((g, i) => g.k === i + 1),
      4,
      'good commits are not numbered 1, 2, 3 …',
    );
    if (state.status.name === 'completed')
      must(
        !state.steps.some(s => s.status === 'failed' && s.kind !== 'finally' && s.kind !== 'service'),
        5,
        'completed with a failed subtask',
      );
    for (const { note, to } of state.notes)
      must(
        to === null || state.steps.some(s => s.id === to.step && s.attempt?.n === to.n),
        9,
        `note ${note} is for an attempt that is over`,
      );
    if (isTerminal(state.status))
      must(!state.steps.some(s => s.attempt), 2, `${state.status.name} with an open attempt`);
  }

  /** The work of a step that counts as done must be in this commit. */
  #holdsAll(state: TaskState, commit: string): void {
    const { work } = this.#world.commits.get(commit)!;
    for (const [id, job] of this.#completedBy) {
      const step = state.steps.find(s => s.id === id);
      // What changed nothing may complete a step all the same: with what an attempt before it left.
      const kind = this.#world.jobs.get(job)?.behaviour?.kind;
      if (step?.status !== 'completed' || (kind !== undefined && IDLE.has(kind))) continue;
      must(work.has(job), 4, `${commit} does not hold the work of ${job}, which completed ${id}`);
    }
  }

  /** By hand, and not by the code that is tested: minutes of the day in a zone that is one hour ahead. */
  #inTime(state: TaskState, id: string, t: string): void {
    const minute = (new Date(t).getUTCHours() * 60 + new Date(t).getUTCMinutes() + 60) % 1440;
    for (const range of state.spec.limits.quiet_hours) {
      const [from, to] = range.split('-').map(text => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)));
      const quiet = from! < to! ? minute >= from! && minute < to! : minute >= from! || minute < to!;
      must(!quiet, 9, `a session of ${id} begins at ${t}, in quiet hours (${range})`);
    }
  }

  /** A usage limit is waited for only as long as the user allows. */
  #waits(state: TaskState, t: string, retry_at: string | null): void {
    const { wait, max_wait_seconds } = state.spec.limits;
    must(wait, 9, 'waits for a usage limit, and nobody allowed that');
    const ms = Date.parse(retry_at!) - Date.parse(t);
    must(ms <= max_wait_seconds * 1000 + LIMIT_RETRY.jitter_ms, 9, `waits for ${ms} ms`);
  }

  #created(state: TaskState, id: string, work: boolean): void {
    const step = stepOf(state, id);
    const { limits } = state.spec;
    // A service that was stopped since the task came to rest is wanted again when that goes on.
    must(
      !this.#ok.has(id) || step.kind === 'service',
      2,
      `${id} is done again, and its last attempt ended well`,
    );
    must(
      step.counted < allowanceOf(state, step) || step.history.at(-1)?.outcome === 'ok',
      9,
      `attempt of ${id} beyond its allowance`,
    );
    if (work && step.kind !== 'service' && step.kind !== 'finally')
      must(
        state.iterations - state.iterations_before < limits.max_iterations,
        9,
        `more than ${limits.max_iterations} iterations`,
      );
    if (isAgentStep(state, step)) this.#mayUse(state, step);
    if (step.kind === 'service') return;
    const open = state.steps.filter(
      s => s.kind !== 'service' && s.attempt && s.attempt.phase !== 'ended' && !isBeside(state, id, s.id),
    ).length;
    must(open < limits.parallel, 9, `more than ${limits.parallel} attempts at once`);
  }

  /** Nobody has a turn who is away while another one is there; the others only where the first is or was away. */
  #relayed(state: TaskState, id: string, agent: number, t: string): void {
    const { relay } = state.spec;
    if (!relay || !isAgentStep(state, stepOf(state, id))) {
      must(agent === 0, 9, `${id} has no agent ${agent}`);
      return;
    }
    const all = Array.from({ length: relay.agents.length + 1 }, (_, i) => i);
    const isAway = (n: number) => {
      const away = state.away?.[n];
      return away !== undefined && (away.until === null || away.until > t);
    };
    must(!isAway(agent) || all.every(isAway), 9, `${id} is begun by agent ${agent}, which is away`);
    const last = stepOf(state, id).history.findLast(record => record.work);
    const before = last?.agent ?? 0;
    if (agent > 0) {
      const goes_on = before === agent;
      must(
        goes_on || all.slice(0, agent).every(isAway),
        9,
        `${id} is begun by agent ${agent}, and one before it is there`,
      );
    }
    if (last && agent > before)
      this.#coverage.relays.add(`to ${agent > 1 ? 'a later one' : 'the next'} after ${last.outcome}`);
    if (last && agent < before) this.#coverage.relays.add('back within a step');
  }

  /** Only what was interrupted, only once, and only where the files are that it remembers. */
  #resumed(state: TaskState, id: string, from: string | null, session: string): void {
    const step = stepOf(state, id);
    const last = step.history.at(-1)!;
    const job = this.#world.workOf(id, last.n);
    must(
      job?.session === session,
      2,
      `${id} goes on with ${session}, and ${job?.name} worked in ${job?.session}`,
    );
    must(
      ['limit', 'overloaded', 'network', 'auth', 'killed'].includes(last.outcome),
      2,
      `${id} goes on with the session of an attempt that ended ${last.outcome}`,
    );
    const idle =
      last.outcome !== 'killed' && last.commit !== null && last.commit === step.history.at(-2)?.commit;
    must(idle || !this.#gone_on.has(session), 9, `${id} goes on with ${session} once more`);
    if (state.spec.workspace.kind === 'git')
      must(last.commit === from, 4, `${id} goes on with ${session} on ${from}, which left ${last.commit}`);
    this.#gone_on.add(session);
  }

  /** No session begins without something left of every budget: what is over is what one of them went on with. */
  #mayUse(state: TaskState, step: TaskState['steps'][number]): void {
    const over = budgetsSoFar(state, step).find(({ used, limit }) => used >= limit);
    must(!over, 9, `a session of ${step.id} begins, and ${over && budgetText(over)}`);
  }

  /** All gates that had something to say have let it pass; what is said of the change is what the jobs have shown. */
  #asked(state: TaskState, step: TaskState['steps'][number]): void {
    const attempt = step.attempt!;
    const gates = gatesOf(state, step);
    const exits = (place: string) =>
      gates.flatMap((gate, i) => {
        const run = attempt.gates.find(g => g.gate === i);
        return gate.place === place && gate.kind === 'run' && run?.evidence
          ? [this.#world.jobs.get(run.job)?.exit?.code ?? null]
          : [];
      });
    for (const [index, gate] of gates.entries()) {
      const evidence = attempt.gates.find(g => g.gate === index)?.evidence;
      const passed = evidence && (evidence.passed || evidence.tolerated);
      must(passed || isIdle(gates, index, attempt), 4, `${step.id} is closed as ok without ${gate.name}`);
    }
    must(
      exits('base-config').every(code => code === 0),
      4,
      `${step.id} is closed as ok, and a gate fails with the configuration of before`,
    );
    if (step.kind !== 'final' || !state.mutation) return;
    const { seen_by, blind, turned, unknown, no_source } = state.mutation;
    const codes = exits('mutation');
    must(
      seen_by === null || codes.some(code => code !== null && code !== 0),
      4,
      `${seen_by} is said to see the change, and has not failed`,
    );
    must(
      blind.length <= codes.filter(code => code === 0).length,
      4,
      `${blind} are said not to see the change, and have not passed`,
    );
    const { mutations } = this.#coverage;
    if (turned.length > 0) mutations.add('turned');
    mutations.add(
      no_source
        ? 'no source'
        : seen_by
          ? 'seen'
          : unknown.length > 0
            ? 'unknown'
            : blind.length > 0
              ? 'unseen'
              : 'unasked',
    );
  }

  /** What waits for a service begins when somebody has found it ready, and no sooner; one that runs is begun once. */
  #served(state: TaskState, id: string): void {
    const step = stepOf(state, id);
    const subtask = subtaskIn(state, step);
    const project = (state.spec.services ?? []).map(s => `_service-${s.id}`);
    const written = (subtask?.needs ?? []).filter(need => {
      const needed = state.steps.find(s => s.id === need);
      return needed?.kind === 'service' && (subtask?.need_states?.[need] ?? 'ready') === 'ready';
    });
    const always = ['baseline', 'subtask', 'fix', 'final'].includes(step.kind) ? project : [];
    for (const need of step.id.startsWith('_service-') ? [] : [...written, ...always]) {
      const job = this.#world.jobs.get(stepOf(state, need).attempt?.job ?? '');
      must(job?.ready ?? false, 5, `${id} begins, and ${need} was not found ready`);
    }
    if (step.kind === 'service') {
      const up = this.#world.up().find(job => job.step === id);
      must(!up, 2, `${id} is begun again, and ${up?.name} is up`);
    }
    if (step.kind !== 'finally') return;
    const busy = [...this.#world.jobs.values()].find(job => job.live && job.beside !== 'finally');
    must(!busy, 5, `${id} runs at the end, and ${busy?.name} is alive`);
  }

  /** Nothing is up any more; and at the end everything that runs there did. */
  #rests(state: TaskState): void {
    const [up] = this.#world.up();
    must(!up, 8, `${state.status.name}, and ${up?.name} is up`);
    const hurried = state.status.name === 'cancelled' && (state.force || state.started_at === null);
    if (!isTerminal(state.status) || hurried) return;
    const left = state.steps.find(s => s.kind === 'finally' && (s.status === 'pending' || s.attempt));
    must(!left, 5, `${state.status.name}, and ${left?.id} did not run at the end`);
  }

  #closed(id: string, n: number): void {
    const jobs = [...this.#world.jobs.values()].filter(job => job.name.startsWith(`${id}/${n}-`));
    const live = jobs.find(job => job.live || job.leftovers);
    must(!live, 2, `${id}/${n} is closed while ${live?.name} is alive`);
    must(
      jobs.every(job => job.claim !== null || job.starts === 0),
      2,
      `${id}/${n} is closed and may still start`,
    );
  }

  #completed(before: TaskState, after: TaskState, id: string, commit: string | null): void {
    const step = stepOf(before, id);
    const last = step.history.at(-1);
    // Given by a person, and not made.
    if (step.kind === 'plan') return;
    must(last?.outcome === 'ok', 4, `${id} completed after an attempt that ended ${last?.outcome}`);
    const name = last.job;
    const work = this.#world.jobs.get(name);
    const git = before.spec.workspace.kind === 'git';
    // Its plan calls it completed, and the gates bore that out.
    const claimed = step.kind === 'subtask' && !last.work;
    if (claimed) must(subtaskOf(before, id).claimed_completed && !work, 4, `${id} completed without work`);
    if ((step.kind === 'subtask' && !claimed) || step.kind === 'fix') {
      if (git) {
        must(
          commit !== null && this.#world.refs.get(`attempt/${id}/${last.n}`) === commit,
          4,
          `${id} completed on ${commit}, which ${name} did not leave`,
        );
      }
      if (!isAgentStep(before, step))
        must(work?.exit?.code === 0, 4, `${id} completed, and its command ended with ${work?.exit?.code}`);
      this.#completedBy.set(id, name);
    }
    // With all that its attempt has said of the commit.
    const gates = gatesOf(before, claimed ? { ...step, attempt: { work: false } as never } : step);
    must(gates.length > 0 || !claimed, 4, `${id} completed without work or gates`);
    for (const gate of gates) {
      if (gate.kind === 'clean' || gate.kind === 'diff') {
        const reason = this.#effects.truthOf(gate.kind, commit!, before, step);
        must(reason === null, 4, `${id} completed on ${commit}: ${reason}`);
        continue;
      }
      // By their names: their numbers count `setup`, too, where the attempt had it.
      const tries = [...this.#world.jobs.values()].filter(
        job => job.name.startsWith(`${name}/gates/`) && job.gate === gate.name,
      );
      const passed = tries.some(job =>
        job.gate !== 'review' && job.gate !== 'qa'
          ? job.exit?.code === 0
          : (job.exit?.code === 0 || job.through) && job.claimed?.verdict === 'approved',
      );
      const tolerated =
        step.kind === 'baseline'
          ? before.spec.baseline === 'allow'
          : before.tolerated.includes(gate.run?.name ?? '') ||
            (gate.variant === 'base_tests' && before.accepted === commit);
      must(
        passed || (tolerated && !claimed && gate.kind === 'run' && tries.length > 0),
        4,
        `${id} completed, and gate ${gate.name} never passed`,
      );
    }
    if (git && commit !== null && step.kind !== 'baseline') this.#holdsAll(after, commit);
  }

  #finished(state: TaskState, commit: string | null): void {
    for (const step of state.steps) {
      if (step.kind === 'subtask')
        must(
          step.status === 'completed' || isLeftOut(state, step.id),
          5,
          `completed, and ${step.id} is ${step.status}`,
        );
      if (step.kind === 'subtask') subtaskOf(state, step.id);
      if (step.kind === 'final') {
        must(
          step.status === 'completed' && step.commit === (commit ?? 'base'),
          4,
          `completed on ${commit}, and the last check was of ${step.commit}`,
        );
      }
    }
    if (commit !== null) this.#holdsAll(state, commit);
  }

  /** At the end of a life. */
  life(state: TaskState, life: { crashes: number; wishes: number; jobs: number; unseen_ms: number }): void {
    const hours = this.#world.t / 3_600_000;
    const attempts = state.steps.reduce((sum, s) => sum + s.attempts, 0);
    const bound =
      EVENTS_FIXED +
      attempts * EVENTS_PER_ATTEMPT +
      (life.crashes + life.wishes) * EVENTS_PER_CRASH +
      hours * 8;
    must(state.seq <= bound, 9, `${state.seq} events, and ${Math.round(bound)} are enough`);
    // Each session is counted once; none twice.
    const sessions = [...this.#world.jobs.values()].map(job => this.#world.usedBy(job).tokens);
    const really = sessions.reduce((a, b) => a + b, 0);
    const counted = state.input_tokens + state.output_tokens;
    must(counted === really, 9, `${counted} tokens are counted, and ${really} were used`);
    if (state.active.live > 0) return;
    const wrong = Math.abs(state.active.total_ms - this.#world.active_ms);
    const slack = 2000 + life.jobs * 1000 + life.unseen_ms;
    must(
      wrong <= slack,
      9,
      `active time ${state.active.total_ms} ms, really ${this.#world.active_ms} ms (slack ${slack} ms)`,
    );
  }
}

const isBeside = (state: TaskState, id: string, other: string): boolean =>
  subtaskIn(state, stepOf(state, id))?.need_states?.[other] === 'started';

/** It waited for something that did not happen: a failure of what did not fail, or what was left out itself. */
function isLeftOut(state: TaskState, id: string): boolean {
  if (stepOf(state, id).status !== 'skipped') return false;
  const { needs, need_states = {} } = subtaskOf(state, id);
  return needs.some(need => {
    const { status } = stepOf(state, need);
    return status === 'skipped' || (need_states[need] === 'failed' && status === 'completed');
  });
}
