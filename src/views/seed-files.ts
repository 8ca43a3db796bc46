/**
 * The files of `.rasen/`, built from the state: status.json here, the others in the files beside. Pure. The list SEED_FILES
 * is what ProjectViews writes; the log is made of events and is not in it.
 */

import { isAtRest } from '../contract/status.ts';
import { gatesOf } from '../engine/gates-of.ts';
import type { Step, TaskState } from '../engine/state.ts';
import { currentStep, viewOf } from '../engine/view.ts';
import { judgementOf } from './judgements.ts';
import { escalationText, memoriesText } from './memory-text.ts';
import { implementationPlan } from './plan-json.ts';
import { attemptHistory, goodCommits, metrics } from './sessions.ts';
import { seedWord, statusFields } from './status-json.ts';

export { escalationText, memoriesText } from './memory-text.ts';
export { implementationPlan } from './plan-json.ts';
export { attemptHistory, goodCommits, metrics } from './sessions.ts';

/** Whether the pid in status.json and in the pid file is that of somebody at work on the task. */
export function hasProcess(state: TaskState): boolean {
  return !isAtRest(state.status);
}

/** Text of the pid file, good for `kill $(cat .rasen/rasen.pid)`. */
export const pidText = (pid: number) => `${pid}\n`;

/** `pid`: the supervisor's. `now`: milliseconds since 1970, for the duration of a task that is not over. */
export function statusJson(state: TaskState, pid: number, now: number) {
  const view = viewOf(state, hasProcess(state) ? pid : null, now);
  const step = currentStep(state);
  const failed = state.status.name === 'failed' ? state.status.subtask : null;
  return statusFields(
    { ...view, subtask_id: view.subtask_id ?? failed, current_phase: step ? phaseOf(state, step) : null },
    seedWord(view.status, true),
  );
}

/** RASEN's phases: Initializer, Coding, `Review i/n`, `QA i/n`; and Gates, which it has not. */
function phaseOf(state: TaskState, step: Step): string {
  if (step.kind === 'plan') return 'Initializer';
  const live = step.attempt?.gates.find(g => g.live);
  const kind = live ? gatesOf(state, step)[live.gate]?.kind : undefined;
  if (kind === 'review')
    return `Review ${judgementOf(state, step, 'review').rounds + 1}/${state.spec.review.max_loops}`;
  if (kind === 'qa') return `QA ${judgementOf(state, step, 'qa').rounds + 1}/${state.spec.qa.max_loops}`;
  return live || step.kind === 'baseline' || step.kind === 'final' ? 'Gates' : 'Coding';
}

export interface SeedFile {
  /** Path relative to the project. */
  path: (views: Views) => string;
  /** What the text depends on. While each of these is the same object, the text is the same. */
  inputs: (state: TaskState) => readonly unknown[];
  /** null: nothing to say. */
  text: (state: TaskState, pid: number, now: number) => string | null;
  /** With nothing to say, an old file is taken away; otherwise it is left alone. */
  remove?: true;
}
export type Views = NonNullable<TaskState['spec']['views']>;

const json = (value: unknown) => (value === null ? null : `${JSON.stringify(value, null, 2)}\n`);
const at = (path: string) => () => path;
const histories = (state: TaskState) => state.steps.map(s => s.history);

/** status.json last: who sees a task completed there finds the other files complete. */
export const SEED_FILES: readonly SeedFile[] = [
  {
    path: at('.rasen/implementation_plan.json'),
    inputs: state => [state],
    text: state => json(implementationPlan(state)),
  },
  { path: at('.rasen/attempt_history.json'), inputs: histories, text: state => json(attemptHistory(state)) },
  {
    path: at('.rasen/good_commits.json'),
    inputs: state => [state.good],
    text: state => json(goodCommits(state)),
  },
  {
    path: at('.rasen/metrics.json'),
    inputs: state => [state.plan, state.input_tokens, state.output_tokens, ...histories(state)],
    text: state => json(metrics(state)),
  },
  { path: views => views.memory_file, inputs: state => [state.memory], text: memoriesText },
  {
    path: at('.rasen/QA_ESCALATION.md'),
    inputs: state => [state.status, state.issues],
    text: escalationText,
    remove: true,
  },
  {
    path: views => views.pid_file,
    inputs: state => [hasProcess(state)],
    text: (state, pid) => (hasProcess(state) ? pidText(pid) : null),
    remove: true,
  },
  {
    path: views => views.status_file,
    inputs: state => [state],
    text: (state, pid, now) => json(statusJson(state, pid, now)),
  },
];
