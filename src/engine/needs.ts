/** What steps wait for: whether it is there, may still come, or never will. Pure; made once a turn, since plans may be long. */

import type { NeedState } from '../contract/service-words.ts';
import { needStateOf } from '../contract/work.ts';
import { PROJECT_SERVICE, subtaskIn } from './gates-of.ts';
import type { Step, TaskState } from './state.ts';

export interface Need {
  step: Step;
  state: NeedState;
}

export type Answer = 'met' | 'open' | 'never';

const NONE: readonly Need[] = [];

/** Kinds that the services of the project are up for. */
const SERVED: ReadonlySet<Step['kind']> = new Set(['baseline', 'subtask', 'fix', 'final']);

export class Needs {
  readonly #state: TaskState;
  readonly #byId: ReadonlyMap<string, Step>;
  readonly #project: readonly Step[];
  #afterFailure: ReadonlySet<string> | null = null;

  constructor(state: TaskState) {
    this.#state = state;
    this.#byId = new Map(state.steps.map(s => [s.id, s]));
    this.#project = state.steps.filter(s => s.kind === 'service' && s.id.startsWith(PROJECT_SERVICE));
  }

  /** What is written down, and the services of the project. */
  of(step: Step): readonly Need[] {
    const subtask = subtaskIn(this.#state, step);
    const served = SERVED.has(step.kind) ? this.#project : [];
    // A task may have thousands that need nothing.
    if (!subtask?.needs.length && served.length === 0) return NONE;
    const prefix = step.id.startsWith(PROJECT_SERVICE) ? PROJECT_SERVICE : '';
    const written = (subtask?.needs ?? []).flatMap(id => {
      const needed = this.#byId.get(`${prefix}${id}`);
      const work = needed && subtaskIn(this.#state, needed);
      return work ? [{ step: needed, state: needStateOf(subtask!, work) }] : [];
    });
    return [...written, ...served.map(service => ({ step: service, state: 'ready' as const }))];
  }

  areMet(step: Step): boolean {
    return this.of(step).every(need => answerOf(need) === 'met');
  }

  /** What can never come of all that it needs; null: nothing. */
  neverOf(step: Step): Need | null {
    return this.of(step).find(need => answerOf(need) === 'never') ?? null;
  }

  /** It waits for a service that is on its way. */
  awaitsService(step: Step): boolean {
    const needs = this.of(step);
    return (
      needs.every(need => answerOf(need) !== 'never') &&
      needs.some(
        need => need.step.kind === 'service' && need.step.attempt !== null && answerOf(need) === 'open',
      )
    );
  }

  /**
   * A step for the failure of a service that is up, where everything else is done: nothing is left that the service could
   * fail. Null: there is none.
   */
  idleFor(steps: readonly Step[]): { step: Step; need: Need } | null {
    const work = steps.filter(s => s.kind === 'subtask');
    const left = work.filter(s => s.status === 'pending' || s.status === 'in_progress');
    if (left.length === 0 || left.length === work.length || left.some(s => s.attempt)) return null;
    const first = new Map<string, { step: Step; need: Need }>();
    for (const step of left) {
      const need = this.of(step).find(n => n.state === 'failed' && n.step.kind === 'service');
      if (need && answerOf(need) === 'open') first.set(step.id, { step, need });
    }
    if (first.size === 0) return null;
    const waits = new Set(first.keys());
    for (let size = 0; size < waits.size; ) {
      size = waits.size;
      for (const step of left) if (this.of(step).some(need => waits.has(need.step.id))) waits.add(step.id);
    }
    return left.every(step => waits.has(step.id)) ? [...first.values()][0]! : null;
  }

  /** Whether it is there because something failed, or comes after such a one: the failure does not hold it up. */
  isAfterFailure(step: Step): boolean {
    this.#afterFailure ??= this.#findAfterFailure();
    return this.#afterFailure.has(step.id);
  }

  #findAfterFailure(): ReadonlySet<string> {
    const found = new Set<string>();
    const steps = this.#state.steps.filter(s => s.kind === 'subtask' || s.kind === 'service');
    for (let grew = true; grew; ) {
      grew = false;
      for (const step of steps) {
        if (found.has(step.id)) continue;
        const is = this.of(step).some(need =>
          need.state === 'failed' ? answerOf(need) === 'met' : found.has(need.step.id),
        );
        if (!is) continue;
        found.add(step.id);
        grew = true;
      }
    }
    return found;
  }
}

export function answerOf({ step, state }: Need): Answer {
  switch (state) {
    case 'started':
      if (hasStarted(step)) return 'met';
      return step.status === 'skipped' ? 'never' : 'open';
    case 'ready':
      if (isUp(step)) return 'met';
      return isLost(step) ? 'never' : 'open';
    case 'done':
      if (step.status === 'completed') return 'met';
      return isLost(step) ? 'never' : 'open';
    case 'failed':
      if (hasFailed(step)) return 'met';
      return step.status === 'skipped' || (step.status === 'completed' && step.kind !== 'service')
        ? 'never'
        : 'open';
  }
}

const isLost = ({ status }: Step) => status === 'failed' || status === 'skipped';

/** Given up, or blocked for something that does not pass by itself, such as a program that is not there. */
const hasFailed = ({ status, block }: Step) =>
  status === 'failed' || block?.why === 'config' || block?.why === 'attempts';

const hasStarted = ({ status, attempt, history }: Step) =>
  status === 'completed' ||
  (attempt !== null && attempt.started_at !== null) ||
  history.some(record => record.outcome !== 'startup');

/** Why something is not done, for people. */
export function neverText({ step, state }: Need): string {
  const id = nameOf(step);
  const is = step.status === 'skipped' ? 'was skipped' : step.status === 'failed' ? 'failed' : 'did not fail';
  const wanted = { started: 'started', ready: 'ready', done: 'done', failed: 'to fail' }[state];
  return `needs ${id} ${state === 'failed' ? wanted : `to be ${wanted}`}, which ${is}`;
}

/** As its user calls it. */
export const nameOf = ({ id }: Pick<Step, 'id'>): string =>
  id.startsWith(PROJECT_SERVICE) ? id.slice(PROJECT_SERVICE.length) : id;

export const isOfProject = ({ id }: Pick<Step, 'id'>): boolean => id.startsWith(PROJECT_SERVICE);

/** Those that are up for everything that the task does. */
export const projectServices = (state: TaskState): Step[] =>
  state.spec.services === undefined ? [] : state.steps.filter(isOfProject);

/** It runs, and is ready. */
export const isUp = ({ attempt, service }: Step): boolean =>
  attempt?.phase === 'running' && (service?.ready_at ?? null) !== null;
