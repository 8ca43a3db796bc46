/** `rasen resume`: go on with a stopped or blocked task. */
import { defineCommand, FORMAT, TASK, WAIT } from '../command.ts';
import { inForeground } from '../foreground.ts';
import { refuseMovedHere } from '../moved-project.ts';
import { taskRef } from '../project.ts';
import { resumeTask, SKIP_OPTIONS, type SkipOptions } from '../resume-task.ts';
import { leave } from '../run-project.ts';
import { notRunYet, tellNamesakes } from '../task-calls.ts';

export const resume = defineCommand<SkipOptions & { background?: boolean; wait?: boolean }>({
  name: 'resume',
  summary: 'Go on with a stopped or blocked task',
  details: [
    'Completed subtasks are not done again. A supervisor is started where none answers. In the foreground it is as `rasen run`.',
  ],
  arguments: [TASK],
  options: [
    { flags: '--background', about: 'return when the task goes on' },
    ...SKIP_OPTIONS,
    WAIT,
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen resume --background', about: 'the task of this project, in the background' },
    { command: 'rasen resume nightly-build', about: 'another task, and watch it' },
  ],
  async run({ args: [given], options }, context) {
    if (given === undefined) await refuseMovedHere(context);
    const ref = taskRef(context, given);
    const view = await resumeTask(context, ref, options).catch(error => {
      throw given === undefined ? notRunYet(error) : error;
    });
    tellNamesakes(context, given, view);
    if (options.background) return await leave(context, view);
    return await inForeground(context, view, { through_limits: options.wait === true });
  },
});
