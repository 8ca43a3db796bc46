/**
 * What all forms of a plan file are read into: subtasks in their normal form, each with the places it came from; and
 * the last step, which checks the graph and the schema and reports at those places.
 */
import {
  type GateSpec,
  type Plan,
  planProblems,
  plan as planSchema,
  type Subtask,
} from '../contract/plan.ts';
import { MAX_ALONE, MAX_SUBTASKS } from '../contract/plan-size.ts';
import type { TaskSpec } from '../contract/spec.ts';
import type { Place, Problems } from './problems.ts';

export interface DraftSubtask {
  subtask: Subtask;
  at: Place;
  id_at: Place;
  needs_at: Place[];
  /** Path of the subtask in the file, for the key of a problem. */
  path: string;
}

/** What a plan file says beside its subtasks; it applies where the user's configuration is silent or additive. */
export interface PlanDefaults {
  name: string | null;
  parallel: number | null;
  /** In addition to the gates of the project. */
  gates: GateSpec[];
  /** Commit or branch to start from. */
  base: string | null;
  /** Names, or beginnings of names, of variables that are handed over from the environment at submit. */
  pass_env: string[];
  secrets: TaskSpec['secrets'];
}

export const NO_DEFAULTS: PlanDefaults = {
  name: null,
  parallel: null,
  gates: [],
  base: null,
  pass_env: [],
  secrets: {},
};

export interface Draft {
  subtasks: DraftSubtask[];
  goal: string | null;
  defaults: PlanDefaults;
  /** Ids that the file calls completed. A claim: gates decide. */
  claimed_completed: string[];
  /** What of the file is not in the plan, one sentence each without a period at its end. */
  notes?: string[];
}

export interface PlanFileOptions {
  /** Id of the task that gets the plan. */
  task: string;
  /** The task text when the file has none. */
  goal?: string | undefined;
  /** Who wrote it: the user, or the planner, which gets no shell and sets nothing for the whole task. */
  origin: 'file' | 'planner';
}

export interface LoadedPlan {
  plan: Plan;
  /** The task text that the file names, if any. */
  goal: string | null;
  defaults: PlanDefaults;
  claimed_completed: string[];
  /** What of the file is not in the plan, one sentence each without a period at its end. */
  notes: string[];
}

/** A command that needs no other. */
const isAlone = (subtask: Subtask) => 'run' in subtask.do && subtask.needs.length === 0;

export function finishDraft(draft: Draft, options: PlanFileOptions, problems: Problems): LoadedPlan | null {
  const { subtasks } = draft;
  if (subtasks.length === 0 && !problems.any)
    problems.add({ line: 1, column: 1 }, '', 'has no subtasks; a plan needs at least one');
  const alone = options.origin === 'file' && subtasks.every(({ subtask }) => isAlone(subtask));
  const max = alone ? MAX_ALONE : MAX_SUBTASKS;
  if (subtasks.length > max) {
    const at = subtasks[max]!;
    const message = `is subtask ${max + 1} of ${subtasks.length}; at most ${max} are possible`;
    problems.add(at.at, at.path, alone ? message : `${message}, and ${MAX_ALONE} commands without needs`);
  }
  if (problems.any) return null;
  for (const { path, message } of planProblems(subtasks.map(s => s.subtask))) {
    const subtask = subtasks[path[1] as number]!;
    const at = path[2] === 'id' ? subtask.id_at : subtask.needs_at[(path[3] as number) ?? 0];
    problems.add(at ?? subtask.at, `${subtask.path}.${path[2]}`, message);
  }
  if (problems.any) return null;
  const checked = planSchema.safeParse({
    version: 1,
    task: options.task,
    goal: draft.goal ?? options.goal ?? '',
    source: options.origin,
    rev: 1,
    subtasks: subtasks.map(({ subtask }) => ({
      ...subtask,
      claimed_completed: subtask.claimed_completed || draft.claimed_completed.includes(subtask.id),
    })),
  });
  if (checked.success) {
    const { goal, defaults, claimed_completed, notes = [] } = draft;
    return { plan: checked.data, goal, defaults, claimed_completed, notes };
  }
  for (const issue of checked.error.issues) {
    const index = issue.path[0] === 'subtasks' ? issue.path[1] : undefined;
    const subtask = typeof index === 'number' ? subtasks[index] : undefined;
    problems.add(subtask?.at ?? { line: 1, column: 1 }, issue.path.join('.'), issue.message);
  }
  return null;
}
