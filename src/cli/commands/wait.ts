/** `rasen wait`: until tasks do not go on by themselves. */
import { defineCommand, FORMAT, TASK, WAIT } from '../command.ts';
import { sayOnSignal } from '../interrupts.ts';
import { oneLine } from '../output.ts';
import { Progress } from '../progress.ts';
import { taskRef } from '../project.ts';
import { tellSource } from '../source.ts';
import { exitOf, notRunYet, tellNamesakes } from '../task-calls.ts';
import { waitTasks } from '../wait-task.ts';

export const wait = defineCommand<{ wait?: boolean }>({
  name: 'wait',
  summary: 'Wait until tasks are over, and tell how they ended',
  details: [
    'The exit status is that of the task: 0 completed, 1 failed, 3 blocked, 75 waiting for a usage limit, the end of quiet hours or the budget of the next day, 130 stopped or cancelled; of several tasks, of the first that is not completed.',
    'The JSON answer is a list of tasks.',
  ],
  arguments: [{ ...TASK, many: true }],
  options: [WAIT, ...FORMAT],
  examples: [
    { command: 'rasen wait && rasen merge', about: 'the task of this project' },
    { command: 'rasen wait build-a build-b', about: 'several tasks' },
  ],
  async run({ args, options }, context) {
    const { out, link } = context;
    const tasks =
      args.length > 0 ? args.map(given => taskRef(context, given)) : [taskRef(context, undefined)];
    const progress = new Progress(out, out.stderr);
    const release = sayOnSignal(
      out,
      `not waited for any more; the tasks go on. Come back with: rasen wait ${tasks.join(' ')}`,
    );
    try {
      const views = await waitTasks(link, {
        tasks,
        through_limits: options.wait === true,
        changed: view => progress.show(view),
      });
      for (const view of views) progress.show(view);
      progress.end();
      for (const [i, view] of views.entries()) tellNamesakes(context, args[i], view);
      tellSource(context);
      out.reply(views, () => views.map(v => `${v.id}  ${v.status}  ${oneLine(v.name)}`).join('\n'));
      return views.map(exitOf).find(code => code !== 0) ?? 0;
    } catch (error) {
      throw args.length === 0 ? notRunYet(context, error) : error;
    } finally {
      release();
      progress.end();
    }
  },
});
