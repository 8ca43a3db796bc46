/** `rasen retry`: do one subtask again. */
import { defineCommand, FORMAT, TASK_OPTION } from '../command.ts';
import { refuseMovedHere } from '../moved-project.ts';
import { statusText } from '../status-text.ts';
import { changeTask } from '../task-calls.ts';

export const retry = defineCommand<{ task?: string }>({
  name: 'retry',
  summary: 'Do one subtask again, with a fresh allowance of attempts, and go on',
  arguments: [{ name: 'subtask', about: 'id of a failed, blocked or completed subtask' }],
  options: [TASK_OPTION, ...FORMAT],
  examples: [{ command: 'rasen retry auth-4', about: 'of the task of this project' }],
  async run({ args: [subtask], options: { task } }, context) {
    if (task === undefined) await refuseMovedHere(context);
    const view = await changeTask(context, 'task.retry', task, { subtask: subtask! });
    context.out.reply(view, () => statusText(view, { now_ms: Date.now() }));
  },
});
