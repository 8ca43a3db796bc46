/** `rasen resume`: go on with a stopped or blocked task. */

import { shellLine } from '../../engine/shell-word.ts';
import { defineCommand, FORMAT, TASKS, WAIT } from '../command.ts';
import type { Context } from '../context.ts';
import { ENV_OPTION } from '../env-option.ts';
import { usage } from '../errors.ts';
import { inForeground } from '../foreground.ts';
import { refuseMovedHere } from '../moved-project.ts';
import { oneLine } from '../output.ts';
import { taskRef } from '../project.ts';
import { goOn, type ResumeOptions, resumeTask, SKIP_OPTIONS } from '../resume-task.ts';
import { leave } from '../run-project.ts';
import { callEach, notRunYet, tellNamesakes } from '../task-calls.ts';

export const resume = defineCommand<ResumeOptions & { background?: boolean; wait?: boolean }>({
  name: 'resume',
  summary: 'Go on with stopped or blocked tasks',
  details: [
    'Completed subtasks are not done again. A supervisor is started where none answers. In the foreground it is as `rasen run`; several tasks go on in the background.',
    'A login that was mended in this shell is used: of the keys, tokens and passwords that the task was handed when it was submitted, it gets the values that they have here. Which ones changed is said. Others are handed over with --env. Sessions that still run keep what they were started with.',
  ],
  arguments: [TASKS],
  options: [
    { flags: '--background', about: 'return when the task goes on' },
    ENV_OPTION,
    ...SKIP_OPTIONS,
    WAIT,
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen resume --background', about: 'the task of this project, in the background' },
    { command: 'rasen resume nightly-build', about: 'another task, and watch it' },
    { command: 'rasen resume --env ANTHROPIC_API_KEY', about: 'with a key that it was not handed before' },
  ],
  async run({ args, options }, context) {
    const [given] = args;
    if (args.length > 1) return await resumeAll(context, args, options);
    await refuseMovedHere(context, given);
    const ref = taskRef(context, given);
    const view = await resumeTask(context, ref, options).catch(error => {
      throw given === undefined ? notRunYet(context, error) : error;
    });
    tellNamesakes(context, given, view);
    if (options.background) return await leave(context, view);
    return await inForeground(context, view, { through_limits: options.wait === true });
  },
});

/** One terminal shows one task. */
function resumeAll(
  context: Context,
  tasks: readonly string[],
  { background, ...more }: ResumeOptions & { background?: boolean },
): Promise<number> {
  if (!background)
    throw usage(
      'One task can be watched at a time.',
      `Resume several in the background: rasen resume --background ${shellLine(tasks)}`,
    );
  return callEach(
    context,
    tasks,
    given => goOn(context, taskRef(context, given), more),
    view => `Task ${oneLine(view.name)} is ${view.status}.`,
  );
}
