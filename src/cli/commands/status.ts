/** `rasen status`: one task as it is now. */
import { isRasenError } from '../../errors.ts';
import type { TaskView } from '../../index.ts';
import { defineCommand, FORMAT, TASK } from '../command.ts';
import type { Context } from '../context.ts';
import { sayOnSignal } from '../interrupts.ts';
import { Progress } from '../progress.ts';
import { findProject } from '../project.ts';
import { lastStatus } from '../status-file.ts';
import { seedLines, statusText } from '../status-text.ts';
import { callTask } from '../task-calls.ts';
import { waitTasks } from '../wait-task.ts';

export const status = defineCommand<{ watch?: boolean }>({
  name: 'status',
  summary: 'Show a task as it is now',
  details: [
    'When no supervisor answers, it tells what the status file of the project last said, with the status not_running where the task would have to be running.',
    'With --watch it stays until the task does not go on by itself. The exit status is 0 whatever the status of the task; `rasen wait` has another for each.',
  ],
  arguments: [TASK],
  options: [{ flags: '--watch', about: 'keep the display up to date' }, ...FORMAT],
  examples: [
    { command: 'rasen status', about: 'the task of this project' },
    { command: 'rasen status --format json | jq -r .status', about: 'for scripts' },
    { command: 'rasen status nightly-build --watch', about: 'another task, live' },
  ],
  async run({ args: [given], options }, context) {
    let view: TaskView;
    try {
      view = await callTask(context, 'task.get', given, {});
    } catch (error) {
      if (given === undefined && offline(context, error)) return;
      throw error;
    }
    if (options.watch) await watch(context, view);
    else context.out.reply(view, () => statusText(view, { now_ms: Date.now() }));
  },
});

/** Answers from the status file when the supervisor cannot; false when there is none. */
function offline({ cwd, out }: Context, error: unknown): boolean {
  const away = isRasenError(error) && ['unreachable', 'task_unknown', 'timeout'].includes(error.kind);
  const project = away ? findProject(cwd) : null;
  const last = project && lastStatus(project);
  if (!last) return false;
  out.reply(last, () => seedLines(last).join('\n'));
  if (last.status === 'initialized' || last.status === 'reinitialized')
    out.note('the task was not run yet; start it with: rasen run --background');
  else if (last.status === 'not_running')
    out.note(
      `no supervisor answers; the task was last ${last.last_status}. Go on with: rasen resume ${project.task.id}`,
    );
  return true;
}

async function watch({ link, out }: Context, view: TaskView): Promise<void> {
  const progress = out.json ? undefined : new Progress(out, out.stdout);
  let seq = -1;
  const show = (now: TaskView) => {
    if (now.seq <= seq) return;
    seq = now.seq;
    if (progress) progress.show(now);
    else out.value(now);
  };
  show(view);
  const release = sayOnSignal(
    out,
    `not watched any more; the task goes on. Come back with: rasen status --watch ${view.id}`,
  );
  try {
    for (const last of await waitTasks(link, { tasks: [view.id], through_limits: true, changed: show }))
      show(last);
  } finally {
    release();
    progress?.end();
  }
}
