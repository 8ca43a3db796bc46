/** `rasen status`: one task as it is now. */
import { isRasenError } from '../../errors.ts';
import type { TaskView } from '../../index.ts';
import { blankView } from '../../task/blank-view.ts';
import { ourState, seedWord, type Unrun } from '../../views/status-json.ts';
import { defineCommand, FORMAT, TASK } from '../command.ts';
import type { Context } from '../context.ts';
import { sayOnSignal } from '../interrupts.ts';
import { Progress } from '../progress.ts';
import { findProject } from '../project.ts';
import { sourceOf, tellSource } from '../source.ts';
import { firstView } from '../status-file.ts';
import { seedLines, statusText } from '../status-text.ts';
import { callTask } from '../task-calls.ts';
import { waitTasks } from '../wait-task.ts';

export const status = defineCommand<{ watch?: boolean }>({
  name: 'status',
  summary: 'Show a task as it is now',
  details: [
    'In JSON, `status` is one word for scripts: running while the task goes on by itself, waits included; interrupted when it needs somebody; completed; failed; not_running when it would go on and no supervisor runs; initialized or reinitialized before the first run. `state` has the rest: name (pending, running, waiting, interrupted, blocked, completed, failed, cancelled), why, resume_at and message. The fields are the same in every situation; `source` is supervisor, or disk where none runs.',
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
    const { out } = context;
    const { view, unrun } = await current(context, given);
    if (options.watch && unrun === null) return await watch(context, view);
    const answer = answerOf(context, view, unrun);
    if (unrun !== null) {
      out.reply(answer, () => seedLines({ ...view, status: unrun }).join('\n'));
      out.note('the task was not run yet; start it with: rasen run --background');
      return;
    }
    tellSource(context);
    out.reply(answer, () => statusText(view, { word: wordOf(context, view), now_ms: Date.now() }));
    if (answer.status === 'not_running')
      out.note(`it goes on when a supervisor runs: rasen resume ${view.id}`);
  },
});

/** A task of the project that was not run yet is described by its own files. */
async function current(
  context: Context,
  given: string | undefined,
): Promise<{ view: TaskView; unrun: Unrun | null }> {
  try {
    return { view: await callTask(context, 'task.get', given, {}), unrun: null };
  } catch (error) {
    const project =
      given === undefined && isRasenError(error) && error.kind === 'task_unknown'
        ? findProject(context.cwd)
        : null;
    if (!project) throw error;
    return { view: firstView(project), unrun: project.task.status };
  }
}

function answerOf(context: Context, view: TaskView, unrun: Unrun | null = null) {
  // Whatever an older supervisor does not tell is there all the same.
  const { id, name, goal, status, ...rest } = blankView(view);
  const word = unrun ?? seedWord(status, !context.link.isFromDisk);
  return { id, name, goal, status: word, state: ourState(view, unrun), source: sourceOf(context), ...rest };
}

/** In text our words stand, which say more; only what would have to run and does not is told as the seed tells it. */
const wordOf = ({ link }: Context, { status }: TaskView): string =>
  seedWord(status, !link.isFromDisk) === 'not_running' ? 'not_running' : status;

async function watch(context: Context, view: TaskView): Promise<void> {
  const { link, out } = context;
  const progress = out.json ? undefined : new Progress(out, out.stdout);
  let seq = -1;
  const show = (now: TaskView) => {
    if (now.seq <= seq) return;
    seq = now.seq;
    if (progress) progress.show(now);
    else out.value(answerOf(context, now));
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
