/** `rasen cancel`: end a task for good. */
import { defineCommand, FORMAT, TASK } from '../command.ts';
import { sayOnSignal } from '../interrupts.ts';
import { oneLine } from '../output.ts';
import { taskRef } from '../project.ts';
import { changeTask, STOP_TIMEOUT_MS } from '../task-calls.ts';

export const cancel = defineCommand<{ force?: boolean }>({
  name: 'cancel',
  summary: 'Stop a task for good; its commits and logs are kept',
  arguments: [TASK],
  options: [{ flags: '--force', about: 'SIGKILL at once, instead of SIGTERM first' }, ...FORMAT],
  examples: [{ command: 'rasen cancel nightly-build', about: 'it cannot be resumed' }],
  async run({ args: [given], options }, context) {
    const { force = false } = options;
    const release = sayOnSignal(
      context.out,
      `not waited for any more; the end of the task goes on if the supervisor has heard of it. See: rasen status ${taskRef(context, given)}`,
    );
    const limit = { timeout_ms: STOP_TIMEOUT_MS };
    const view = await changeTask(context, 'task.cancel', given, { force }, limit).finally(release);
    context.out.reply(view, () => `Task ${oneLine(view.name)} is ${view.status}.`);
  },
});
