/** Resuming, with the seed's lines; for `rasen resume` and for a `rasen run` of a task that was stopped. */
import type { SubtaskView, TaskView } from '../index.ts';
import type { OptionSpec } from './command.ts';
import type { Context } from './context.ts';
import { oneLine } from './output.ts';
import { progressLine } from './status-text.ts';

export interface SkipOptions {
  skipReview?: boolean | undefined;
  skipQa?: boolean | undefined;
}

export const SKIP_OPTIONS: readonly OptionSpec[] = [
  { flags: '--skip-review', about: 'no review, whatever the configuration says' },
  { flags: '--skip-qa', about: 'no QA, whatever the configuration says' },
];

/** Starts a supervisor where none answers: a restarted one knows the task from its journal. */
export function goOn(
  { link }: Context,
  task: string,
  { skipReview, skipQa }: SkipOptions,
): Promise<TaskView> {
  const op = crypto.randomUUID();
  const skip = [...(skipReview ? (['review'] as const) : []), ...(skipQa ? (['qa'] as const) : [])];
  return link.persist(client => client.call('task.resume', { task, skip, op }), { starts: true });
}

/** The same, with the seed's lines. */
export async function resumeTask(context: Context, task: string, skip: SkipOptions): Promise<TaskView> {
  const { out } = context;
  const view = await goOn(context, task, skip);
  if (!out.json) for (const line of resumeLines(view)) out.answer(line);
  return view;
}

/** The seed names the subtask after the last one even when it runs the last one again; here it is what will run. */
export function resumeLines(view: TaskView): string[] {
  const lines = [`Resuming task: ${oneLine(view.goal)}`, progressLine(view)];
  const last = lastWorkedOn(view.subtasks);
  if (last) {
    lines.push(`Last working on: ${last.id}`);
    // An older supervisor tells the title alone.
    const what = last.description ?? last.title;
    if (what) lines.push(`  Description: ${oneLine(what)}`);
  }
  const next = view.subtask_id;
  if (next)
    lines.push(
      '',
      next === last?.id ? `Starting again with: ${next}` : `Starting from next pending subtask: ${next}`,
    );
  return lines;
}

function lastWorkedOn(subtasks: readonly SubtaskView[]): SubtaskView | undefined {
  const at = (s: SubtaskView) => s.attempt?.started_at ?? s.history.at(-1)?.ended_at ?? '';
  const tried = subtasks.filter(s => at(s) !== '').toSorted((a, b) => at(a).localeCompare(at(b)));
  return tried.at(-1);
}
