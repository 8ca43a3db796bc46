/**
 * Builds the life of a task from hand-made events, folded as they come: `events` is a journal, `state` what it leads to.
 * General: one method per event that tests need often, `add` for every other. Each event is one second after the one before.
 */
import type { Claim, Event, GateEvidence, NewEvent, SealedFacts, Stamp } from '../../src/contract/event.ts';
import { type Plan, plan as planSchema } from '../../src/contract/plan.ts';
import { type TaskSpec, taskSpec } from '../../src/contract/spec.ts';
import type { BlockReason, Outcome, WaitReason } from '../../src/contract/status.ts';
import { fold } from '../../src/engine/fold.ts';
import { gatesOf } from '../../src/engine/gates-of.ts';
import { stepOf, type TaskState } from '../../src/engine/state.ts';

export const VIEWS = {
  status_file: '.rasen/status.json',
  pid_file: '.rasen/rasen.pid',
  log_file: '.rasen/rasen.log',
  memory_file: '.rasen/memories.md',
  log_max_bytes: 10 * 1024 * 1024,
  log_keep: 5,
};

/** A git task with a plan of its own (`plan: null`: a planner makes it), a coder, one project gate, and views. `over` replaces whole fields, `limits` only its keys. */
export function specOf(over: Record<string, unknown> = {}): TaskSpec {
  const judge = { enabled: false, per_subtask: false, max_loops: 3, recurring_issue_threshold: 3 };
  return taskSpec.parse({
    version: 1,
    id: '01kfz3a0000000000000000000',
    name: 'auth',
    goal: 'Implement user authentication',
    project: '/nowhere/project',
    workspace: { kind: 'git', slug: 'auth' },
    plan: planOf(['placeholder']),
    agents: { coder: { command: ['true'] } },
    gates: [{ name: 'test', run: ['npm', 'test'] }],
    review: judge,
    qa: { ...judge, max_loops: 50 },
    memory: {},
    views: VIEWS,
    ...over,
    limits: { ...(over.limits as object | undefined) },
  });
}

export interface SubtaskDraft {
  id: string;
  [field: string]: unknown;
}

/** A plan of agent subtasks, unless a draft says `do`. */
export function planOf(
  subtasks: readonly (SubtaskDraft | string)[],
  goal = 'Implement user authentication',
): Plan {
  return planSchema.parse({
    version: 1,
    task: 'auth',
    goal,
    source: 'file',
    rev: 1,
    subtasks: subtasks.map(s =>
      typeof s === 'string' ? { id: s, do: { agent: 'coder' } } : { do: { agent: 'coder' }, ...s },
    ),
  });
}

export const claimOf = (over: Partial<Claim> = {}): Claim => ({
  status: 'done',
  summary: '',
  retry_at: null,
  decisions: [],
  learnings: [],
  verdict: null,
  issues: [],
  input_tokens: 0,
  output_tokens: 0,
  ...over,
});

export interface AttemptDraft {
  outcome?: Outcome;
  code?: number | null;
  message?: string | null;
  claim?: Partial<Claim>;
  /** What it left; null: not sealed. Default: one new commit, in a git task that ended ok. */
  sealed?: Partial<SealedFacts> | null;
}

export class TaskBuilder {
  readonly events: Event[] = [];
  #state: TaskState | null = null;
  #now: number;
  #epoch = 1;
  #commits = 0;

  /** `start`: time of the first event, RFC 3339. */
  constructor(spec: TaskSpec = specOf(), start = '2026-01-27T16:30:00.250Z') {
    this.#now = Date.parse(start) - 1000;
    this.add({ type: 'task_submitted', spec });
  }

  get state(): TaskState {
    return this.#state!;
  }

  get now(): number {
    return this.#now;
  }

  /** Lets time pass before the next event. */
  wait(ms: number): this {
    this.#now += ms;
    return this;
  }

  add(event: NewEvent): this {
    this.#now += 1000;
    const stamp: Stamp = {
      seq: this.events.length + 1,
      t: new Date(this.#now).toISOString(),
      mono: this.#now - 1_000_000,
      epoch: this.#epoch,
    };
    const stamped = { ...event, ...stamp } as Event;
    this.#state = fold(this.#state, stamped);
    this.events.push(stamped);
    return this;
  }

  claimed(boot = 'b'): this {
    if (this.events.some(e => e.type === 'task_claimed')) this.#epoch++;
    return this.add({ type: 'task_claimed', host: 'h', incarnation: `i${this.#epoch}`, boot });
  }

  plan(subtasks: readonly (SubtaskDraft | string)[]): this {
    const rev = this.state.plan_rev + 1;
    return this.add({
      type: 'plan_frozen',
      plan: { ...planOf(subtasks), rev },
      sha256: '0'.repeat(64),
      rev,
      source: 'file',
    });
  }

  started(): this {
    return this.add({ type: 'task_started' });
  }

  /** attempt_created … attempt_started: the work of a step runs, or its gates may, where there is no work. */
  /** `agent`: its place in the list of a relay. */
  begin(step: string, agent?: number): this {
    const { kind, attempts } = stepOf(this.state, step);
    const work = kind !== 'baseline' && kind !== 'final';
    const n = attempts + 1;
    this.add({
      type: 'attempt_created',
      step,
      n,
      nonce: `nonce${n}`,
      from: this.state.good.at(-1)?.commit ?? null,
      work,
      ...(agent === undefined ? {} : { agent }),
    });
    if (!this.state.workspace && this.state.spec.workspace.kind === 'git') {
      this.add({
        type: 'workspace_ready',
        base: commitId(0),
        branch: 'rasen/auth',
        path: '/nowhere/worktree',
      });
    }
    this.add({ type: 'attempt_prepared', step, n });
    return work ? this.add({ type: 'attempt_started', step, n, pid: 4242 }) : this;
  }

  /** attempt_ended, and attempt_sealed where the step leaves a commit. */
  end(step: string, draft: AttemptDraft = {}): this {
    const { n } = this.#open(step);
    const outcome = draft.outcome ?? 'ok';
    this.add({
      type: 'attempt_ended',
      step,
      n,
      outcome,
      code: draft.code === undefined ? (outcome === 'ok' ? 0 : 1) : draft.code,
      signal: null,
      ended_at: new Date(this.#now + 1000).toISOString(),
      output_bytes: 0,
      dropped_bytes: 0,
      message: draft.message ?? null,
      claim: draft.claim ? claimOf(draft.claim) : null,
    });
    if (draft.sealed === null || (draft.sealed === undefined && this.state.spec.workspace.kind !== 'git'))
      return this;
    const k = ++this.#commits;
    const commit = commitId(k);
    const sealed = {
      commit,
      tree: `${k}`.repeat(4),
      changed: true,
      commits: 1,
      leftovers: 0,
      on_branch: true,
      descends: true,
      unmerged: [],
    };
    return this.add({ type: 'attempt_sealed', step, n, sealed: { ...sealed, ...draft.sealed } });
  }

  /** One gate of the open attempt, by name: started, unless it is built in, and ended. */
  gate(step: string, name: string, over: Partial<GateEvidence> = {}): this {
    return this.gateBegin(step, name).gateEnd(step, name, over);
  }

  gateBegin(step: string, name: string): this {
    const at = this.#gateAt(step, name);
    return at.kind === 'clean' || at.kind === 'diff'
      ? this
      : this.add({ type: 'gate_started', ...at.ids, try: 1, nonce: 'gate' });
  }

  gateEnd(step: string, name: string, over: Partial<GateEvidence> = {}): this {
    const at = this.#gateAt(step, name);
    const evidence: GateEvidence = {
      name,
      kind: at.kind,
      passed: true,
      tolerated: false,
      reason: null,
      needs_person: false,
      findings: [],
      argv: null,
      code: 0,
      duration_ms: 1000,
      log_sha256: null,
      log_tail: null,
      commit: null,
      tree: null,
      ...over,
    };
    return this.add({ type: 'gate_ended', ...at.ids, try: 1, evidence });
  }

  close(
    step: string,
    outcome: Outcome = 'ok',
    more: {
      reason?: string;
      retry_at?: string;
      wait?: WaitReason;
      block?: { why: BlockReason; message: string };
    } = {},
  ): this {
    const { n } = this.#open(step);
    const { reason = null, retry_at = null, wait = null, block = null } = more;
    return this.add({ type: 'attempt_closed', step, n, outcome, reason, retry_at, wait, block });
  }

  completed(step: string): this {
    const last = stepOf(this.state, step).history.at(-1);
    const good = last?.commit ? this.state.good.length + 1 : null;
    return this.add({ type: 'step_completed', step, commit: last?.commit ?? null, good });
  }

  /** A whole attempt that did what it should: every gate of the step passes. */
  done(step: string, draft: AttemptDraft = {}): this {
    this.begin(step);
    if (this.#open(step).work) this.end(step, draft);
    for (const gate of gatesOf(this.state, stepOf(this.state, step))) this.gate(step, gate.name);
    return this.close(step).completed(step);
  }

  #open(step: string) {
    const { attempt } = stepOf(this.state, step);
    if (!attempt) throw new Error(`${step} has no open attempt`);
    return attempt;
  }

  #gateAt(step: string, name: string) {
    const gates = gatesOf(this.state, stepOf(this.state, step));
    const gate = gates.findIndex(g => g.name === name);
    if (gate < 0) throw new Error(`${step} has no gate ${name}; it has ${gates.map(g => g.name).join(', ')}`);
    return { ids: { step, n: this.#open(step).n, gate }, kind: gates[gate]!.kind };
  }
}

/** A full commit id that is easy to tell from others. */
export const commitId = (k: number) => k.toString(16).padStart(40, 'c');
