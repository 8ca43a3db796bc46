/** `rasen status`: one task as it is now. */
import { isRasenError } from '../../contract/errors.ts';
import { blankView } from '../../engine/blank-view.ts';
import type { TaskView } from '../../index.ts';
import { ourState, type SeedWord, seedWord, type Unrun } from '../../views/status-json.ts';
import { defineCommand, FORMAT, TASKS } from '../command.ts';
import type { Context } from '../context.ts';
import { usage } from '../errors.ts';
import { sayOnSignal } from '../interrupts.ts';
import { Progress } from '../progress.ts';
import { findProject } from '../project.ts';
import { sourceOf, tellSource } from '../source.ts';
import { firstView, lastView } from '../status-file.ts';
import { seedLines, statusText } from '../status-text.ts';
import { callEach, callTask } from '../task-calls.ts';
import { waitTasks } from '../wait-task.ts';

export const status = defineCommand<{ watch?: boolean }>({
  name: 'status',
  summary: 'Show tasks as they are now',
  details: [
    'In JSON, `status` is one word for scripts: running while the task goes on by itself, waits included; interrupted when it needs somebody; completed; failed; not_running when it would go on and no supervisor runs; initialized or reinitialized before the first run. `state` has the rest: name (pending, running, waiting, interrupted, blocked, completed, failed, cancelled), why, resume_at and message. The fields are the same in every situation; `source` is supervisor, disk where none runs, or project where only the files in .rasen/ know of the task.',
    'With --watch it stays until the task does not go on by itself. The exit status is 0 whatever the status of the task; `rasen wait` has another for each.',
  ],
  arguments: [TASKS],
  options: [{ flags: '--watch', about: 'keep the display up to date' }, ...FORMAT],
  examples: [
    { command: 'rasen status', about: 'the task of this project' },
    { command: 'rasen status --format json | jq -r .status', about: 'for scripts' },
    { command: 'rasen status nightly-build --watch', about: 'another task, live' },
  ],
  async run({ args, options }, context) {
    const { out } = context;
    const [given] = args;
    if (args.length > 1) return await showAll(context, args, options);
    const current = await currentView(context, given);
    const { view, from } = current;
    if (options.watch && from === 'task') {
      await watch(context, view);
      return 0;
    }
    const answer = answerOf(context, current);
    if (from === 'task') tellSource(context);
    if (from === 'files') out.note('no supervisor here knows this task; this is what its files last said');
    out.reply(answer, () =>
      from === 'task'
        ? statusText(view, { word: wordIn(answer.status, view), now_ms: Date.now() })
        : seedLines({ ...view, status: wordIn(answer.status, view) }).join('\n'),
    );
    if (from === 'first') out.note('the task was not run yet; start it with: rasen run --background');
    return 0;
  },
});

function showAll(
  context: Context,
  tasks: readonly string[],
  { watch }: { watch?: boolean },
): Promise<number> {
  if (watch)
    throw usage('One task can be watched at a time.', `For example: rasen status --watch ${tasks[0]}`);
  return callEach(
    context,
    tasks,
    async given => {
      const current = await currentView(context, given);
      return { ...current, answer: answerOf(context, current) };
    },
    ({ view, answer }) => `${statusText(view, { word: wordIn(answer.status, view), now_ms: Date.now() })}\n`,
    ({ answer }) => answer,
  );
}

interface Current {
  view: TaskView;
  /** `first`: it was made and not run yet. `files`: it was run, and no supervisor here knows of it. */
  from: 'task' | 'first' | 'files';
  unrun: Unrun | null;
}

async function currentView(context: Context, given: string | undefined): Promise<Current> {
  try {
    return { view: await callTask(context, 'task.get', given, {}), from: 'task', unrun: null };
  } catch (error) {
    const unknown = isRasenError(error) && error.kind === 'task_unknown';
    const project = given === undefined && unknown ? findProject(context.cwd) : null;
    if (!project) throw error;
    const { submitted_at, status: unrun } = project.task;
    if (submitted_at === null) return { view: firstView(project), from: 'first', unrun };
    const view = lastView(project);
    if (!view) throw error;
    return { view, from: 'files', unrun: null };
  }
}

function answerOf(context: Context, { view, from, unrun }: Current) {
  // Whatever an older supervisor does not tell is there all the same.
  const { id, name, goal, status, ...rest } = blankView(view);
  const word = unrun ?? seedWord(status, from === 'task' && !context.link.isFromDisk);
  const source = from === 'task' ? sourceOf(context) : 'project';
  return { id, name, goal, status: word, state: ourState(view, unrun), source, ...rest };
}

/** In text our words stand, which say more, where the seed's would say that it goes on or that it needs somebody. */
const wordIn = (word: SeedWord, { status }: TaskView): string =>
  word === 'running' || word === 'interrupted' ? status : word;

async function watch(context: Context, view: TaskView): Promise<void> {
  const { link, out } = context;
  const progress = out.json ? undefined : new Progress(out, out.stdout);
  let seq = -1;
  const show = (now: TaskView) => {
    if (now.seq <= seq) return;
    seq = now.seq;
    if (progress) progress.show(now);
    else out.value(answerOf(context, { view: now, from: 'task', unrun: null }));
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
