/** `rasen retry`: do subtasks again. */
import { defineCommand, FORMAT, TASK_OPTION } from '../command.ts';
import { refuseMovedHere } from '../moved-project.ts';
import { statusText } from '../status-text.ts';
import { changeTask } from '../task-calls.ts';

export const retry = defineCommand<{ task?: string }>({
  name: 'retry',
  summary: 'Do subtasks again, with a fresh allowance of attempts, and go on',
  details: [
    'What needs them is done again after them; what was completed otherwise is not. A task that has failed goes on from there, and so does a completed one that is not merged yet.',
  ],
  arguments: [
    {
      name: 'subtask',
      about: 'id of a failed, blocked or completed subtask; default: all that failed or are blocked',
      optional: true,
      many: true,
    },
  ],
  options: [TASK_OPTION, ...FORMAT],
  examples: [
    { command: 'rasen retry auth-4', about: 'of the task of this project' },
    { command: 'rasen retry --task nightly-build', about: 'what failed of another task' },
  ],
  async run({ args, options: { task } }, context) {
    await refuseMovedHere(context, task);
    const subtask = args.length > 1 ? args : args[0];
    const view = await changeTask(context, 'task.retry', task, { subtask });
    context.out.reply(view, () => statusText(view, { now_ms: Date.now() }));
  },
});
