/** Resuming, with the seed's lines; for `rasen resume` and for a `rasen run` of a task that was stopped. */
import type { SubtaskView, TaskView } from '../index.ts';
import { askedEnv } from '../submit/asked-env.ts';
import { credentialsIn, namedIn } from '../submit/captured-env.ts';
import type { OptionSpec } from './command.ts';
import type { Context } from './context.ts';
import { exactEnv } from './exact.ts';
import { oneLine } from './output.ts';
import { progressLine } from './status-text.ts';

export interface SkipOptions {
  skipReview?: boolean | undefined;
  skipQa?: boolean | undefined;
}

export interface ResumeOptions extends SkipOptions {
  env?: string[] | undefined;
}

export const SKIP_OPTIONS: readonly OptionSpec[] = [
  { flags: '--skip-review', about: 'no review, whatever the configuration says' },
  { flags: '--skip-qa', about: 'no QA, whatever the configuration says' },
];

/** Starts a supervisor where none answers: a restarted one knows the task from its journal. */
export async function goOn(
  { link, env, out }: Context,
  task: string,
  { skipReview, skipQa, env: asked = [] }: ResumeOptions,
): Promise<TaskView> {
  const op = crypto.randomUUID();
  const skip = [...(skipReview ? (['review'] as const) : []), ...(skipQa ? (['qa'] as const) : [])];
  const shell = exactEnv(env);
  const { pass, set } = askedEnv(asked, shell);
  const given = { ...namedIn(shell, pass), ...set };
  const params = { task, skip, env: { known: credentialsIn(shell), given }, op };
  const view = await link.persist(client => client.call('task.resume', params), { starts: true });
  const { env_changed: changed = [], ...rest } = view;
  if (changed.length > 0) out.note(`the task has these from this shell now: ${changed.join(', ')}`);
  return rest;
}

/** The same, with the seed's lines. */
export async function resumeTask(context: Context, task: string, options: ResumeOptions): Promise<TaskView> {
  const { out } = context;
  const view = await goOn(context, task, options);
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
