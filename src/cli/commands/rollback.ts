/** `rasen rollback`: back to the good commit before a subtask. */
import { EXIT } from '../../contract/errors.ts';
import { defineCommand, FORMAT, TASK_OPTION } from '../command.ts';
import { oneLine } from '../output.ts';
import { statusText } from '../status-text.ts';
import { changeTask } from '../task-calls.ts';

export const rollback = defineCommand<{ task?: string }>({
  name: 'rollback',
  summary: 'Put the branch of a task back to the last good commit before a subtask',
  details: [
    'The subtask is pending again, with all that came after it. Every commit stays under its ref.',
    'Exit status 75: a full disk or a lock is in the way; the rollback is made as soon as that is over, before anything else.',
  ],
  arguments: [{ name: 'subtask', about: 'default: the last completed one', optional: true }],
  options: [TASK_OPTION, ...FORMAT],
  examples: [{ command: 'rasen rollback auth-3', about: 'auth-3 and what came after it is done again' }],
  async run({ args: [subtask], options: { task } }, context) {
    const params = subtask === undefined ? {} : { subtask };
    const view = await changeTask(context, 'task.rollback', task, params, { timeout_ms: 120_000 });
    context.out.reply(view, () => statusText(view, { now_ms: Date.now() }));
    if (!view.rolling_back) return;
    context.out.note(`Not rolled back yet: ${oneLine(view.reason ?? 'it waits', 400)}`);
    return EXIT.temporary;
  },
});
