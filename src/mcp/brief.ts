/** A task as a model needs it: what it is, how it stands, and no more than that. */
import type { TaskView } from '../index.ts';

const GOAL_CHARS = 300;
const RESULT_CHARS = 4000;
/** Subtasks that are named, those that are of interest first; the others are counted. */
const SUBTASKS_MAX = 50;
/** The last: what is done. */
const OF_INTEREST: readonly string[] = ['failed', 'in_progress', 'pending', 'skipped', 'completed'];

/** What goes on by itself. */
const GOING: ReadonlySet<string> = new Set(['pending', 'running', 'waiting']);
export const goesOn = ({ status }: Pick<TaskView, 'status'>) => GOING.has(status);

export function brief(view: TaskView): Record<string, unknown> {
  const { id, name, status, reason, why, exit_code, project, branch, worktree, commit } = view;
  const { created_at, started_at, ended_at, resume_at, retry_at, result, verified, parent } = view;
  const subtasks = view.subtasks.map(step => ({
    id: step.id,
    status: step.status,
    ...said({ reason: step.reason }),
  }));
  return {
    ...{ task: id, name, status, goes_on: goesOn(view) },
    ...said({
      ...{ reason, why, exit_code, folder: project, goal: cut(view.goal, GOAL_CHARS) },
      ...{ created_at, started_at, ended_at, resume_at, retry_at },
      ...{ branch, worktree, commit, result: result && cut(result, RESULT_CHARS), verified, parent },
      handed_over: view.handed_over,
    }),
    ...(view.total_tokens > 0 ? { tokens: view.total_tokens, usd: view.total_cost_usd } : {}),
    ...(subtasks.length > 1 ? shown(subtasks) : {}),
  };
}

function shown<T extends { status: string }>(all: readonly T[]): Record<string, unknown> {
  if (all.length <= SUBTASKS_MAX) return { subtasks: all };
  const rank = ({ status }: T) => OF_INTEREST.indexOf(status);
  const counts: Record<string, number> = {};
  for (const { status } of all) counts[status] = (counts[status] ?? 0) + 1;
  return {
    subtask_counts: counts,
    subtasks: all.toSorted((a, b) => rank(a) - rank(b)).slice(0, SUBTASKS_MAX),
  };
}

/** One line of a list. */
export function line(view: TaskView & { last_output?: string | null | undefined }): Record<string, unknown> {
  const { id, name, status, reason, project, created_at, ended_at, parent, last_output } = view;
  return {
    ...{ task: id, name, status },
    ...said({ reason, folder: project, created_at, ended_at, parent, last_output }),
  };
}

/** How it goes, in a sentence. */
export function progressText({ name, status, reason, completed_subtasks, total_subtasks }: TaskView): string {
  const steps = total_subtasks > 1 ? `, ${completed_subtasks} of ${total_subtasks} subtasks done` : '';
  return `${name}: ${status}${steps}${reason ? ` (${reason})` : ''}`;
}

/** Without what there is nothing to say of. */
function said<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  ) as Partial<T>;
}

export function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max).toWellFormed()}…`;
}
