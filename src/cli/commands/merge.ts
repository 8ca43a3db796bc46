/** `rasen merge`: bring the commits of a completed task into a branch. */
import { isRasenError } from '../../contract/errors.ts';
import type { TaskView } from '../../index.ts';
import { defineCommand, FORMAT, TASK } from '../command.ts';
import type { Context } from '../context.ts';
import { usage } from '../errors.ts';
import { onMergeSignal } from '../merge-signals.ts';
import { refuseMovedHere } from '../moved-project.ts';
import { taskRef } from '../project.ts';
import { leftOutLines } from '../status-text.ts';
import { callTask, changeTask } from '../task-calls.ts';
import { sleep } from '../time.ts';

interface Options {
  into?: string;
  squash?: boolean;
  cancel?: boolean;
}

/** How often it is asked how far the merge is. */
const LOOK_MS = 500;

export const merge = defineCommand<Options>({
  name: 'merge',
  summary: 'Merge the commits of a completed task into a branch',
  details: [
    'The merge is made aside, `setup` and the gates run on it, and each is named as it begins; only then the branch moves. Where the branch is checked out, its files follow; uncommitted changes stay as they are, and a merge that would have to overwrite one is refused. After a conflict or a red gate nothing has moved.',
    'Ctrl-C cancels the merge, and so does --cancel from elsewhere, also one that waits for the machine: nothing has moved then. One that is about to move its branch is not cancelled, and the answer says so.',
  ],
  arguments: [TASK],
  options: [
    { flags: '--into <branch>', about: 'default: the branch that the project has checked out' },
    { flags: '--squash', about: 'one commit for the whole task' },
    { flags: '--cancel', about: 'end a merge that is being made or waits' },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen merge', about: 'into the branch that is checked out' },
    { command: 'rasen merge --into main --squash', about: 'as one commit on main' },
  ],
  async run({ args: [given], options }, context) {
    const { into = null, squash = false, cancel = false } = options;
    if (cancel && (into !== null || squash))
      throw usage('--cancel ends a merge and begins none.', 'Leave out --into and --squash.');
    if (cancel) return await cancelled(context, given);
    await refuseMovedHere(context, given);
    const done = new AbortController();
    const release = onMergeSignal(context.out, taskRef(context, given), () =>
      callTask(context, 'task.cancel_merge', given, {}),
    );
    void tellProgress(context, given, done.signal);
    // The gates of the merge have timeouts of their own; there is nothing else to wait for.
    const view = await changeTask(
      context,
      'task.merge',
      given,
      { into, squash },
      { timeout_ms: null },
    ).finally(() => {
      done.abort();
      release();
    });
    const { merged } = view;
    context.out.reply(view, () =>
      merged
        ? [`Merged into ${merged.into}: ${merged.commit.slice(0, 12)}`, ...leftOutLines(view.left_out)].join(
            '\n',
          )
        : 'Nothing to merge.',
    );
  },
});

async function cancelled(context: Context, given: string | undefined): Promise<void> {
  const view = await callTask(context, 'task.cancel_merge', given, {}, { timeout_ms: null });
  const { merged } = view;
  context.out.reply(view, () =>
    merged
      ? `It was too late: merged into ${merged.into}: ${merged.commit.slice(0, 12)}`
      : 'Cancelled the merge; nothing was moved.',
  );
}

/** A line for each gate as it begins: they may take minutes. What cannot be told is told by the answer of the merge. */
async function tellProgress(context: Context, given: string | undefined, over: AbortSignal): Promise<void> {
  const told = new Set<string>();
  while (!over.aborted) {
    await sleep(LOOK_MS);
    if (over.aborted) return;
    const view = await callTask(context, 'task.get', given, {}).catch(error => {
      if (isRasenError(error)) return null;
      throw error;
    });
    const line = view && lineOf(view);
    if (over.aborted || !line || told.has(line)) continue;
    told.add(line);
    context.out.note(line);
  }
}

function lineOf({ merging, reason }: TaskView): string | null {
  if (!merging) return null;
  if (merging.gate !== null)
    return `on the merge result: ${merging.gate} (${merging.done + 1} of ${merging.of}); Ctrl-C cancels the merge`;
  return reason;
}
