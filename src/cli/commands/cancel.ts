/** `rasen cancel`: end a task for good. */
import { defineCommand, FORMAT, TASK } from '../command.ts';
import { oneLine } from '../output.ts';
import { changeTask, STOP_TIMEOUT_MS } from '../task-calls.ts';

export const cancel = defineCommand<{ force?: boolean }>({
  name: 'cancel',
  summary: 'Stop a task for good; its commits and logs are kept',
  arguments: [TASK],
  options: [{ flags: '--force', about: 'SIGKILL at once, instead of SIGTERM first' }, ...FORMAT],
  examples: [{ command: 'rasen cancel nightly-build', about: 'it cannot be resumed' }],
  async run({ args: [given], options }, context) {
    const { force = false } = options;
    const view = await changeTask(context, 'task.cancel', given, { force }, { timeout_ms: STOP_TIMEOUT_MS });
    context.out.reply(view, () => `Task ${oneLine(view.name)} is ${view.status}.`);
  },
});
