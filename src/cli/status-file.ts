/** The last status of a project's task as its file tells it, for when no supervisor answers. A view, never the truth. */
import { DEFAULT_VIEWS, type Project, readBelow, writeWhole } from './project.ts';
import type { SeedStatus } from './status-text.ts';

/** Statuses in which nothing runs, so that the file is right without a supervisor. */
const AT_REST = new Set(['completed', 'failed', 'cancelled', 'interrupted', 'initialized', 'reinitialized']);

/** Relative to the project. */
const statusFile = ({ task }: Project) => task.views?.status_file ?? DEFAULT_VIEWS.status_file;

/**
 * What the file says, with status `not_running` when it tells of a task that would have to run; null without a file.
 * A task that was not run yet is described by its own files: a supervisor may still be writing about the one before.
 */
export function lastStatus(project: Project): (SeedStatus & { last_status: string }) | null {
  if (project.task.submitted_at === null)
    return { ...firstStatus(project), last_status: project.task.status };
  let value: Record<string, unknown> | null = null;
  try {
    value = JSON.parse(readBelow(project.root, statusFile(project)));
  } catch {
    // Somebody's script may have damaged it, or it was never there: the same as no file.
  }
  if (value === null || typeof value !== 'object' || typeof value.status !== 'string') return null;
  // RASEN stored "failed: <reason>".
  const said = value.status.split(':', 1)[0]!;
  const status = AT_REST.has(said) ? said : 'not_running';
  return { ...value, status, last_status: said, pid: null };
}

/** Writes the status of a task that was made and not run yet. */
export function writeFirstStatus(project: Project): void {
  writeWhole(project.root, statusFile(project), `${JSON.stringify(firstStatus(project), null, 2)}\n`);
}

function firstStatus({ root, task }: Project) {
  return {
    pid: null,
    status: task.status,
    task_id: task.id,
    iteration: 0,
    completed_subtasks: 0,
    total_subtasks: plannedSubtasks(root),
    total_commits: 0,
    last_activity: task.created_at,
    started_at: null,
  };
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
