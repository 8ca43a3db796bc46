/** `rasen stop`: end what runs, keep the state. */
import { defineCommand, FORMAT, TASKS } from '../command.ts';
import type { Context } from '../context.ts';
import { usage } from '../errors.ts';
import { sayOnSignal } from '../interrupts.ts';
import { oneLine } from '../output.ts';
import { taskRef } from '../project.ts';
import { callEach, changeTask, STOP_TIMEOUT_MS } from '../task-calls.ts';

/** What goes on by itself. */
const GOING = ['pending', 'running', 'waiting'];
const TASKS_MAX = 1000;

export const stop = defineCommand<{ force?: boolean; all?: boolean }>({
  name: 'stop',
  summary: 'Stop tasks; their state is kept and they can be resumed',
  details: [
    'What runs gets SIGTERM and 30 s later SIGKILL. It returns when no process of the task is left. The supervisor and all other tasks go on.',
  ],
  arguments: [TASKS],
  options: [
    { flags: '--all', about: 'all tasks that go on; triggers stay as they are' },
    { flags: '--force', about: 'SIGKILL at once; the state is kept all the same' },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen stop', about: 'the task of this project' },
    { command: 'rasen stop nightly-build --force', about: 'another task, now' },
    { command: 'rasen stop --all', about: 'every task of this supervisor' },
  ],
  async run({ args: named, options }, context) {
    const { force = false } = options;
    if (options.all && named.length > 0) throw usage('--all and the name of a task exclude each other.');
    const args = options.all ? await going(context) : named;
    if (options.all && args.length === 0) return context.out.reply([], () => 'Nothing is running.');
    if (!force && context.out.stderr.isTTY) context.out.note('stopping (30 s at most)');
    const refs = args.length > 0 ? args.map(given => taskRef(context, given)) : [taskRef(context, undefined)];
    const release = sayOnSignal(
      context.out,
      `not waited for any more; the stop goes on if the supervisor has heard of it. See: rasen status ${refs.join(' ')}`,
    );
    const limit = { timeout_ms: STOP_TIMEOUT_MS };
    return await callEach(
      context,
      args,
      given => changeTask(context, 'task.stop', given, { force }, limit),
      view => {
        const hint = view.status === 'interrupted' ? ` Go on with: rasen resume ${view.id}` : '';
        return `Task ${oneLine(view.name)} is ${view.status}.${hint}`;
      },
    ).finally(release);
  },
});

async function going({ link }: Context): Promise<string[]> {
  const views = await link.call('task.list', { status: GOING, limit: TASKS_MAX });
  return views.map(({ id }) => id);
}
