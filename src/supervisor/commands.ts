/** What a user asks of a task: each checks whether the state allows it, records the wish, and lets the loop do it. */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { isRasenError, RasenError } from '../contract/errors.ts';
import type { NewEvent } from '../contract/event.ts';
import { isInside, type Origin } from '../contract/origin.ts';
import type { Plan } from '../contract/plan.ts';
import type { CapturedRepository } from '../contract/repository.ts';
import type { Judge, TaskSpec } from '../contract/spec.ts';
import { isTerminal } from '../contract/status.ts';
import { closesOf } from '../engine/attempt.ts';
import { startAgain } from '../engine/next-command.ts';
import { STEP, type Step, type TaskState } from '../engine/state.ts';
import { captureRepository } from '../git/captured.ts';
import { readInbox } from '../host/inbox.ts';
import { planHash } from '../store/plan-hash.ts';
import type { LocalStore } from '../store/store.ts';
import { checkOrder, checkPlan } from './check-spec.ts';
import type { HandOvers } from './hand-overs.ts';
import type { Masks } from './masks.ts';
import type { Places } from './places.ts';
import { mergeCancelled, type Reconciler } from './reconcile.ts';
import type { Entry, Registry } from './registry.ts';

/** A request that changes something: `op` makes it the same one when it is repeated. */
export interface Ask {
  op: string | undefined;
  origin: Origin;
}

/** Variables of the shell that resumes a task: `known` counts where the task was handed them before, `given` in any case. */
export interface ShellEnv {
  known: Readonly<Record<string, string>>;
  given: Readonly<Record<string, string>>;
}

/** The events of a request. The one that says what was asked for says who did; those before it only make room. */
export function asked({ origin }: Ask, events: readonly NewEvent[]): NewEvent[] {
  const wish =
    events.find(({ type }) => type === 'plan_frozen') ?? events.find(({ type }) => type !== 'attempt_closed');
  return events.map(event => (event === wish ? { ...event, origin } : event));
}

export class Commands {
  readonly #registry: Registry;
  readonly #reconciler: Reconciler;
  readonly #host: { host: string; incarnation: string; boot: string; home: string };
  readonly #hand_overs: HandOvers;
  readonly #git: { store: LocalStore; places: Places; masks: Masks };

  constructor(
    registry: Registry,
    reconciler: Reconciler,
    hand_overs: HandOvers,
    host: { host: string; incarnation: string; boot: string; home: string },
    git: { store: LocalStore; places: Places; masks: Masks },
  ) {
    this.#registry = registry;
    this.#reconciler = reconciler;
    this.#hand_overs = hand_overs;
    this.#host = host;
    this.#git = git;
  }

  /** Accepts a task; the same again is the same task. Resolves after its first pass, so that it is seen to run. */
  async run(
    spec: TaskSpec,
    env: Record<string, string>,
    origin: Origin,
  ): Promise<{ entry: Entry; created: boolean }> {
    const before = this.#known(spec);
    if (before) return before;
    this.#registry.assertUsable(spec.id);
    checkOrder(spec, env);
    this.#checkAfter(spec);
    const repository = await captured(spec, env);
    // The same order may have come again meanwhile.
    const meanwhile = this.#known(spec);
    if (meanwhile) return meanwhile;
    const { home: _, ...host } = this.#host;
    const first: NewEvent[] = [{ type: 'task_claimed', ...host }];
    if (repository) first.push({ type: 'repository_captured', repository });
    if (spec.plan)
      first.push({
        type: 'plan_frozen',
        plan: spec.plan,
        sha256: planHash(spec.plan),
        rev: 1,
        source: spec.plan.source,
      });
    const { home } = this.#host;
    const input = spec.stdin && readInbox(home, spec.id, 'input', spec.stdin.sha256);
    const { entry, created } = await this.#hand_overs.during(spec, origin, () => {
      const again = this.#known(spec);
      return again ?? { entry: this.#registry.submit(spec, first, env, origin, input), created: true };
    });
    await this.#reconciler.pass(entry);
    return { entry, created };
  }

  /** Throws `config` for a task that nobody knows: it would never be completed. */
  #checkAfter({ id, after }: TaskSpec): void {
    const unknown = after.find(before => this.#registry.get(before) === undefined);
    if (unknown === undefined) return;
    throw new RasenError('config', `the task ${id} comes after ${unknown}, which is not there`, {
      hint: 'Nothing was accepted. See the tasks with `rasen list`.',
      data: { after: unknown },
    });
  }

  /** The task of an earlier submit of the same order. */
  #known(spec: TaskSpec): { entry: Entry; created: false } | null {
    const entry = this.#registry.get(spec.id) ?? (spec.key ? this.#registry.byKey(spec.key) : null);
    if (!entry) return null;
    this.#sameOrder(entry, spec);
    return { entry, created: false };
  }

  async want(ref: string, want: 'stop' | 'cancel', force: boolean, ask: Ask): Promise<Entry> {
    const { op } = ask;
    const entry = this.#registry.resolve(ref);
    await this.#registry.exclusive(entry, async () => {
      const state = this.#registry.stateOf(entry);
      if (isTerminal(state.status)) {
        if (want === 'cancel' && state.status.name === 'cancelled') return;
        throw over(state, want);
      }
      if (state.want === 'cancel' && want === 'stop')
        throw new RasenError('task_state', `task ${entry.id} is being cancelled`);
      if (op !== undefined && state.op === op && state.want === want && (state.force || !force)) return;
      await this.#registry.record(
        entry,
        asked(ask, [{ type: 'want_changed', want, force: force || state.force, op: op ?? null, by: 'user' }]),
      );
    });
    this.#reconciler.kick(entry);
    return entry;
  }

  /**
   * Credentials of the shell that resumes, before it does: a login that was mended there is used. Gives the names of
   * those that changed. Of a task that is over nothing is changed; `resume` says so.
   */
  async changeEnv(ref: string, { known, given }: ShellEnv, ask: Ask): Promise<string[]> {
    const { store, masks } = this.#git;
    const entry = this.#registry.resolve(ref);
    return await this.#registry.exclusive(entry, async () => {
      const state = this.#registry.stateOf(entry);
      if (isTerminal(state.status) || isDone(state, ask.op)) return [];
      const captured = store.env(entry.id);
      const wanted = Object.entries({
        ...Object.fromEntries(Object.entries(known).filter(([name]) => captured[name] !== undefined)),
        ...given,
      });
      const changes = Object.fromEntries(wanted.filter(([name, value]) => captured[name] !== value));
      const names = Object.keys(changes).sort();
      if (names.length === 0) return [];
      await store.changeEnv(entry.id, changes);
      masks.recaptured(state);
      await this.#registry.record(entry, asked(ask, [{ type: 'env_changed', names }]));
      return names;
    });
  }

  async resume(ref: string, skip: readonly Judge[], ask: Ask): Promise<Entry> {
    const { op } = ask;
    const entry = this.#registry.resolve(ref);
    await this.#registry.exclusive(entry, async () => {
      const state = this.#registry.stateOf(entry);
      if (isTerminal(state.status)) throw over(state, 'resume');
      if (isDone(state, op)) return;
      if (state.want === 'cancel') throw new RasenError('task_state', `task ${entry.id} is being cancelled`);
      const left_out = skip.filter(judge => state.spec[judge].enabled);
      if (left_out.length > 0) checkSkip(state, left_out, ask);
      if (isParked(state)) await this.#registry.record(entry, asked(ask, resumption(op, left_out)));
      // Still on its way to a stop: take the wish back; attempts that were told to stop end as killed and go on after.
      else if (state.want === 'stop') await this.#registry.record(entry, asked(ask, [wantRun(op)]));
    });
    await this.#reconciler.pass(entry);
    return entry;
  }

  /** `subtasks`: null for all that failed or are blocked. */
  async retry(ref: string, subtasks: readonly string[] | null, ask: Ask): Promise<Entry> {
    const { op } = ask;
    const entry = this.#registry.resolve(ref);
    await this.#registry.exclusive(entry, async () => {
      const state = this.#registry.stateOf(entry);
      if (isDone(state, op)) return;
      const halted = isParked(state) || isTerminal(state.status);
      if (state.status.name === 'cancelled') throw over(state, 'retry');
      if (state.merged || state.merge) throw merged(state);
      refuseRollingBack(state);
      const steps = subtasks === null ? refusedSteps(state) : subtasks.map(id => stepNamed(state, id));
      if (!halted && steps.some(s => s.attempt)) throw stopFirst(state);
      const closes = halted
        ? closesOf(state, 'done again').filter(e => steps.some(s => s.id === e.step))
        : [];
      const again = new Map(steps.map(s => [s.id, 'retry']));
      for (const step of steps)
        for (const s of withDependents(state, step))
          if (!again.has(s.id) && !s.attempt && s.status !== 'pending')
            again.set(s.id, `${step.id} is done again`);
      const resets = [...again].map(([step, reason]): NewEvent => ({ type: 'step_reset', step, reason }));
      const going = halted ? resumption(op) : marked(state, op);
      await this.#registry.record(entry, asked(ask, [...closes, ...resets, ...going]));
    });
    await this.#reconciler.pass(entry);
    return entry;
  }

  async rollback(ref: string, subtask: string | undefined, ask: Ask): Promise<{ entry: Entry; op: string }> {
    const entry = this.#registry.resolve(ref);
    const mine = ask.op ?? randomUUID();
    await this.#registry.exclusive(entry, async () => {
      const state = this.#registry.stateOf(entry);
      if (isTerminal(state.status)) throw over(state, 'rollback');
      if (state.rollback?.op === mine || isDone(state, mine)) return;
      refuseRollingBack(state);
      if (state.spec.workspace.kind !== 'git' || !state.workspace) {
        throw new RasenError('task_state', `task ${entry.id} has no commits to roll back`);
      }
      if (!isParked(state)) throw stopFirst(state);
      const target = rollbackTarget(state, subtask);
      await this.#registry.record(
        entry,
        asked(ask, [{ type: 'rollback_requested', op: mine, ...target }, ...marked(state, mine)]),
      );
    });
    this.#reconciler.kick(entry);
    return { entry, op: mine };
  }

  async replan(ref: string, plan: Plan, expectedRev: number, ask: Ask): Promise<Entry> {
    const { op } = ask;
    const entry = this.#registry.resolve(ref);
    await this.#registry.exclusive(entry, async () => {
      const state = this.#registry.stateOf(entry);
      if (isTerminal(state.status)) throw over(state, 'plan edit');
      if (isDone(state, op)) return;
      refuseRollingBack(state);
      if (state.plan_rev !== expectedRev) {
        throw new RasenError(
          'task_state',
          `the plan of ${entry.id} is at revision ${state.plan_rev}, and revision ${expectedRev} was edited`,
          {
            hint: `Look at it again: rasen plan show ${entry.id}`,
          },
        );
      }
      if (state.steps.some(s => s.attempt) && !isParked(state)) throw stopFirst(state);
      checkPlan(plan, entry.id);
      const next: Plan = { ...plan, task: entry.id, rev: state.plan_rev + 1 };
      const events: NewEvent[] = [...closesOf(state, 'the plan was edited')];
      const planner = state.steps.find(s => s.id === STEP.plan);
      if (planner && planner.status !== 'completed') {
        events.push({ type: 'step_reset', step: STEP.plan, reason: 'a plan was given' });
        events.push({ type: 'step_completed', step: STEP.plan, commit: null, good: null });
      }
      events.push({ type: 'plan_frozen', plan: next, sha256: planHash(next), rev: next.rev, source: 'user' });
      await this.#registry.record(entry, asked(ask, [...events, ...marked(state, op)]));
    });
    this.#reconciler.kick(entry);
    return entry;
  }

  async merge(
    ref: string,
    into: string | null,
    squash: boolean,
    ask: Ask,
  ): Promise<{ entry: Entry; op: string }> {
    const entry = this.#registry.resolve(ref);
    const mine = ask.op ?? randomUUID();
    await this.#registry.exclusive(entry, async () => {
      const state = this.#registry.stateOf(entry);
      if (state.status.name !== 'completed') {
        throw new RasenError(
          'task_state',
          `task ${entry.id} is ${state.status.name}, not completed; nothing was merged`,
          {
            hint: `Only a completed task can be merged. See: rasen status ${entry.id}`,
          },
        );
      }
      if (state.spec.workspace.kind !== 'git' || !state.good.length) {
        throw new RasenError('task_state', `task ${entry.id} has no commits to merge`, {
          hint: 'It did not work in a git worktree.',
        });
      }
      if (state.merge && state.merge.op !== mine)
        throw new RasenError('task_state', `task ${entry.id} is being merged already`);
      if (!state.merge)
        await this.#registry.record(entry, asked(ask, [{ type: 'merge_requested', op: mine, into, squash }]));
    });
    this.#reconciler.kick(entry);
    return { entry, op: mine };
  }

  /** The merge that is under way ends when it sees that; one that only waits to be tried again ends here. */
  async cancelMerge(ref: string): Promise<Entry> {
    const entry = this.#registry.resolve(ref);
    await this.#registry.exclusive(entry, async () => {
      const { merge, merged } = this.#registry.stateOf(entry);
      if (!merge)
        throw new RasenError('task_state', `task ${entry.id} is not being merged`, {
          hint: merged ? `It was merged into ${merged.into} already.` : 'Nothing was moved.',
        });
      const { kind, message, data, hint = null } = mergeCancelled(entry.id);
      if (await this.#reconciler.cancelMerge(entry)) return;
      await this.#registry.record(entry, [
        { type: 'merge_refused', op: merge.op, kind, message, hint, data: data ?? {} },
      ]);
    });
    return entry;
  }

  #sameOrder(known: Entry, spec: TaskSpec): void {
    const { spec: was } = this.#registry.stateOf(known);
    // Not what the machine or the shell tells of itself, since a script may run with another time zone or umask than its
    // user; nor who is told.
    const order = ({
      id: _id,
      time_zone: _zone,
      process: _process,
      notify: _notify,
      plan,
      secrets,
      sandbox,
      ...rest
    }: TaskSpec) => ({
      ...rest,
      // Nor what the session sees that hands it over: that changes from one to the next.
      sandbox: sandbox && { ...sandbox, within: undefined },
      secrets: Object.entries(secrets).filter(([, { for: who }]) => who?.join() !== 'notify'),
      workspace: rest.workspace.kind,
      plan: plan && { ...plan, task: '' },
    });
    if (isDeepStrictEqual(order(was), order(spec))) return;
    const what = known.id === spec.id ? `id ${spec.id}` : `key "${spec.key}"`;
    throw new RasenError(
      'task_exists',
      `a task with the ${what} exists already and asks for something else`,
      {
        hint: `See it with: rasen status ${known.id}. Use another key for another task.`,
        data: { task: known.id },
      },
    );
  }
}

const wantRun = (op: string | undefined): NewEvent => ({
  type: 'want_changed',
  want: 'run',
  force: false,
  op: op ?? null,
  by: 'user',
});
/** Nothing of the task is alive, and nothing starts before the user says so. Attempts may be open between their gates. */
const isParked = (state: TaskState): boolean =>
  state.status.name === 'interrupted' || state.status.name === 'blocked';

/** Judges are left out by a person, and not from under an attempt that runs. */
function checkSkip(state: TaskState, skip: readonly Judge[], { origin }: Ask): void {
  if (origin && isInside(origin))
    throw new RasenError('not_permitted', `only a person leaves out ${skip.join(' and ')}; nothing was done`);
  if (!isParked(state)) throw stopFirst(state);
}

function stopFirst(state: TaskState): RasenError {
  return new RasenError('task_state', `task ${state.id} is ${state.status.name}`, {
    hint: `Stop it first: rasen stop ${state.id}`,
  });
}

/** What is about to be undone is not changed meanwhile. */
function refuseRollingBack(state: TaskState): void {
  if (!state.rollback) return;
  throw new RasenError('task_state', `task ${state.id} is being rolled back`, {
    hint: `See how far it is: rasen status ${state.id}`,
  });
}

/** Whether the last request that changed something was this very one: its answer was lost, and it is asked again. */
const isDone = (state: TaskState, op: string | undefined): boolean => op !== undefined && state.op === op;
/** Remembers the request where the wish itself stays as it is. */
const marked = (state: TaskState, op: string | undefined): NewEvent[] =>
  op === undefined
    ? []
    : [{ type: 'want_changed', want: state.want, force: state.force, op, by: state.want_by }];
/** A halted task goes on. */
export const resumption = (op: string | undefined, skip: readonly Judge[] = []): NewEvent[] => [
  wantRun(op),
  { type: 'task_resumed', ...(skip.length > 0 ? { skip } : {}) },
];

export function over(state: TaskState, verb: string): RasenError {
  const git = state.spec.workspace.kind === 'git';
  const again = `Start it again as a new task: ${startAgain(state.spec.project, git, state.plan)}`;
  const hints: Record<string, string> = {
    completed: git && !state.merged ? `Bring it into your branch: rasen merge ${state.id}` : again,
    failed: `Do again what failed: rasen retry --task ${state.id}`,
    cancelled: again,
  };
  return new RasenError(
    'task_state',
    `task ${state.id} is ${state.status.name}; ${verb} does nothing any more`,
    {
      hint: hints[state.status.name],
    },
  );
}

function stepNamed(state: TaskState, id: string): Step {
  const step = state.steps.find(s => s.id === id);
  if (step) return step;
  throw new RasenError('subtask_unknown', `task ${state.id} has no subtask "${id}"`, {
    hint: `It has: ${state.steps.map(s => s.id).join(', ')}`,
  });
}

/** Throws `task_state` when nothing failed. */
function refusedSteps(state: TaskState): Step[] {
  const refused = state.steps.filter(s => s.status === 'failed' || s.block);
  if (refused.length > 0) return refused;
  throw new RasenError('task_state', `nothing of task ${state.id} failed or is blocked`, {
    hint: `Name what is to be done again: rasen retry SUBTASK --task ${state.id}`,
  });
}

function merged(state: TaskState): RasenError {
  return new RasenError(
    'task_state',
    `task ${state.id} is merged${state.merged ? '' : ' just now'}; nothing of it is done again`,
    {
      hint: 'Start a new task: rasen reinit',
    },
  );
}

/** A step, everything that needs it, and the final check. */
function withDependents(state: TaskState, step: Step): Step[] {
  const ids = new Set([step.id]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const s of state.plan?.subtasks ?? []) {
      if (ids.has(s.id) || !s.needs.some(need => ids.has(need))) continue;
      ids.add(s.id);
      grew = true;
    }
  }
  return state.steps.filter(s => ids.has(s.id) || (s.kind === 'final' && s !== step));
}

/** The good commit before a subtask, and the steps that are undone with it. */
function rollbackTarget(state: TaskState, subtask: string | undefined): { commit: string; steps: string[] } {
  const done = state.good.filter(g => state.steps.some(s => s.id === g.step && s.status === 'completed'));
  const last = subtask ? done.find(g => g.step === stepNamed(state, subtask).id) : done.at(-1);
  if (!last) {
    throw new RasenError(
      'task_state',
      subtask ? `subtask ${subtask} has no good commit` : `task ${state.id} has no good commit yet`,
      {
        hint: 'Only completed subtasks can be rolled back.',
      },
    );
  }
  const before = state.good.filter(g => g.k < last.k).at(-1)?.commit ?? state.workspace!.base;
  const undone = new Set(state.good.filter(g => g.k >= last.k).map(g => g.step));
  const steps = state.steps.filter(s => undone.has(s.id) || s.kind === 'final' || s.kind === 'fix');
  return { commit: before, steps: steps.filter(s => s.status !== 'skipped').map(s => s.id) };
}

/**
 * The repository as the user has it now. Throws `not_git` where there is none to work in; what else is wrong with it may
 * pass, and the first attempt says so.
 */
async function captured(spec: TaskSpec, env: Record<string, string>): Promise<CapturedRepository | null> {
  if (spec.workspace.kind !== 'git') return null;
  return await captureRepository(spec.project, env).catch(error => {
    if (!isRasenError(error)) throw error;
    if (error.kind === 'not_git') throw noRepository(error);
    return null;
  });
}

function noRepository(error: RasenError): RasenError {
  const folder = 'Or let it work in the folder itself: worktree: {enabled: false} in rasen.yml';
  return new RasenError('not_git', `${error.message}; the task was not started`, {
    hint: error.hint ? `${error.hint}\n  ${folder}` : folder,
    ...(error.data ? { data: error.data } : {}),
    cause: error,
  });
}
