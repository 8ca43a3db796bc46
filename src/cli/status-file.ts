/**
 * Tasks of a project that no supervisor here knows: one that was made and not run yet, or one that was handed to another
 * RASEN_HOME. Scripts get the same fields as of every other.
 */

import { blankView } from '../engine/blank-view.ts';
import type { TaskView } from '../index.ts';
import { statusFields } from '../views/status-json.ts';
import { DEFAULT_VIEWS, type Project, readBelow, writeWhole } from './project.ts';

/** Writes the status file of a task that was made and not run yet. */
export function writeFirstStatus(project: Project): void {
  const { status, views } = project.task;
  const fields = statusFields(firstView(project), status, status);
  writeWhole(
    project.root,
    views?.status_file ?? DEFAULT_VIEWS.status_file,
    `${JSON.stringify(fields, null, 2)}\n`,
  );
}

/** What there is to know of it. Its status says that it was accepted by nobody and nothing has started. */
export function firstView({ root, task }: Project): TaskView {
  const goal = goalIn(root);
  return blankView({
    id: task.id,
    name: goal.split('\n', 1)[0]!.slice(0, 80),
    goal,
    status: 'pending',
    created_at: task.created_at,
    total_subtasks: plannedSubtasks(root),
    project: root,
    base: task.base,
  });
}

/** The fields of the status file that are taken from it as they are. */
const TAKEN = [
  'iteration',
  'max_iterations',
  'subtask_id',
  'subtask_description',
  'current_phase',
  'completed_subtasks',
  'total_subtasks',
  'total_commits',
  'last_activity',
  'started_at',
  'total_duration_seconds',
  'total_input_tokens',
  'total_output_tokens',
  'total_tokens',
  'reason',
  'why',
  'resume_at',
  'result',
] as const satisfies readonly (keyof TaskView)[];

const OURS: ReadonlySet<unknown> = new Set<TaskView['status']>([
  ...(['pending', 'running', 'waiting', 'interrupted', 'blocked'] as const),
  ...(['completed', 'failed', 'cancelled'] as const),
]);

/** What the files of a task say that was run elsewhere; null: nothing. A view, never the truth: somebody may have changed it. */
export function lastView(project: Project): TaskView | null {
  const { root, task } = project;
  let said: Record<string, unknown> | null = null;
  try {
    said = JSON.parse(readBelow(root, task.views?.status_file ?? DEFAULT_VIEWS.status_file));
  } catch {
    // It is damaged, or was never there.
  }
  if (said === null || typeof said !== 'object') return null;
  // RASEN stored "failed: <reason>".
  const status = [said.task_status, String(said.status).split(':', 1)[0]].find(name => OURS.has(name));
  if (status === undefined) return null;
  const blank = firstView(project);
  const taken = TAKEN.filter(name => {
    const [is, was] = [typeof said[name], typeof blank[name]];
    return said[name] === null
      ? blank[name] === null
      : is === was || (blank[name] === null && is === 'string');
  });
  return {
    ...blank,
    ...Object.fromEntries(taken.map(name => [name, said[name]])),
    status: status as TaskView['status'],
  };
}

function goalIn(root: string): string {
  try {
    return readBelow(root, '.rasen/task.txt').trim();
  } catch {
    // `rasen run` tells what is wrong with it.
    return '';
  }
}

/** Subtasks in the plan; 0 when the planner makes it. */
function plannedSubtasks(root: string): number {
  try {
    return JSON.parse(readBelow(root, '.rasen/plan.json')).subtasks.length;
  } catch {
    // No plan, or one that `rasen run` will tell what is wrong with.
    return 0;
  }
}
