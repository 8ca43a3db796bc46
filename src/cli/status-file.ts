/** A task that was made and not run yet: no supervisor knows of it, and scripts get the same fields as of every other. */
import type { TaskView } from '../index.ts';
import { blankView } from '../task/blank-view.ts';
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
