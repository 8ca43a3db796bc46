/** `rasen merge`: bring the commits of a completed task into a branch. */
import { defineCommand, FORMAT, TASK } from '../command.ts';
import { sayOnSignal } from '../interrupts.ts';
import { taskRef } from '../project.ts';
import { changeTask } from '../task-calls.ts';

export const merge = defineCommand<{ into?: string; squash?: boolean }>({
  name: 'merge',
  summary: 'Merge the commits of a completed task into a branch',
  details: [
    'The merge is made aside and the gates run on it; only then the branch moves. After a conflict or a red gate nothing has moved.',
  ],
  arguments: [TASK],
  options: [
    { flags: '--into <branch>', about: 'default: the branch that the project has checked out' },
    { flags: '--squash', about: 'one commit for the whole task' },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen merge', about: 'into the branch that is checked out' },
    { command: 'rasen merge --into main --squash', about: 'as one commit on main' },
  ],
  async run({ args: [given], options }, context) {
    const { into = null, squash = false } = options;
    const release = sayOnSignal(
      context.out,
      `not waited for any more; the merge goes on if the supervisor has begun it. How it ended: rasen status ${taskRef(context, given)}`,
    );
    // The gates of the merge have timeouts of their own; there is nothing else to wait for.
    const view = await changeTask(
      context,
      'task.merge',
      given,
      { into, squash },
      { timeout_ms: null },
    ).finally(release);
    const { merged } = view;
    context.out.reply(view, () =>
      merged ? `Merged into ${merged.into}: ${merged.commit.slice(0, 12)}` : 'Nothing to merge.',
    );
  },
});
