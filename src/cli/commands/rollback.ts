/** `rasen rollback`: back to the good commit before a subtask. */
import { defineCommand, FORMAT, TASK_OPTION } from '../command.ts';
import { statusText } from '../status-text.ts';
import { changeTask } from '../task-calls.ts';

export const rollback = defineCommand<{ task?: string }>({
  name: 'rollback',
  summary: 'Put the branch of a task back to the last good commit before a subtask',
  details: ['The subtask is pending again, with all that came after it. Every commit stays under its ref.'],
  arguments: [{ name: 'subtask', about: 'default: the last completed one', optional: true }],
  options: [TASK_OPTION, ...FORMAT],
  examples: [{ command: 'rasen rollback auth-3', about: 'auth-3 and what came after it is done again' }],
  async run({ args: [subtask], options: { task } }, context) {
    const params = subtask === undefined ? {} : { subtask };
    const view = await changeTask(context, 'task.rollback', task, params, { timeout_ms: 120_000 });
    context.out.reply(view, () => statusText(view, { now_ms: Date.now() }));
  },
});
