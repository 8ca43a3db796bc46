/** `rasen stop`: end what runs, keep the state. */
import { defineCommand, FORMAT, TASK } from '../command.ts';
import { sayOnSignal } from '../interrupts.ts';
import { oneLine } from '../output.ts';
import { taskRef } from '../project.ts';
import { changeTask, STOP_TIMEOUT_MS } from '../task-calls.ts';

export const stop = defineCommand<{ force?: boolean }>({
  name: 'stop',
  summary: 'Stop a task; its state is kept and it can be resumed',
  details: [
    'What runs gets SIGTERM and 30 s later SIGKILL. It returns when no process of the task is left. The supervisor and all other tasks go on.',
  ],
  arguments: [TASK],
  options: [{ flags: '--force', about: 'SIGKILL at once; the state is kept all the same' }, ...FORMAT],
  examples: [
    { command: 'rasen stop', about: 'the task of this project' },
    { command: 'rasen stop nightly-build --force', about: 'another task, now' },
  ],
  async run({ args: [given], options }, context) {
    const { force = false } = options;
    if (!force && context.out.stderr.isTTY) context.out.note('stopping (30 s at most)');
    const release = sayOnSignal(
      context.out,
      `not waited for any more; the stop goes on if the supervisor has heard of it. See: rasen status ${taskRef(context, given)}`,
    );
    const limit = { timeout_ms: STOP_TIMEOUT_MS };
    const view = await changeTask(context, 'task.stop', given, { force }, limit).finally(release);
    const hint = view.status === 'interrupted' ? ` Go on with: rasen resume ${view.id}` : '';
    context.out.reply(view, () => `Task ${oneLine(view.name)} is ${view.status}.${hint}`);
  },
});
