/** `rasen cancel`: end a task for good. */
import { defineCommand, FORMAT, TASKS } from '../command.ts';
import { sayOnSignal } from '../interrupts.ts';
import { oneLine } from '../output.ts';
import { taskRef } from '../project.ts';
import { callEach, changeTask, STOP_TIMEOUT_MS } from '../task-calls.ts';

export const cancel = defineCommand<{ force?: boolean }>({
  name: 'cancel',
  summary: 'Stop tasks for good; their commits and logs are kept',
  arguments: [TASKS],
  options: [
    {
      flags: '--force',
      about: 'SIGKILL at once, instead of SIGTERM first, and without what runs at the end (`finally`)',
    },
    ...FORMAT,
  ],
  examples: [{ command: 'rasen cancel nightly-build', about: 'it cannot be resumed' }],
  async run({ args, options }, context) {
    const { force = false } = options;
    const refs = args.length > 0 ? args.map(given => taskRef(context, given)) : [taskRef(context, undefined)];
    const release = sayOnSignal(
      context.out,
      `not waited for any more; the end of the task goes on if the supervisor has heard of it. See: rasen status ${refs.join(' ')}`,
    );
    const limit = { timeout_ms: STOP_TIMEOUT_MS };
    return await callEach(
      context,
      args,
      given => changeTask(context, 'task.cancel', given, { force }, limit),
      ({ id, name, status }) =>
        status === 'cancelled'
          ? `Task ${oneLine(name)} is ${status}.`
          : `Task ${oneLine(name)} is being cancelled; what runs at its end runs now. Wait for it: rasen wait ${id}`,
    ).finally(release);
  },
});
