/** `task.wait`: answers when tasks stop going on by themselves. */
import * as z from 'zod';
import { taskView } from '../view.ts';
import { defineMethod } from './define.ts';
import { taskRef } from './params.ts';

export const taskWait = defineMethod({
  name: 'task.wait',
  summary:
    'Answers when each task is completed, failed, cancelled, interrupted or blocked; each change on the way is a notification.',
  asks: 'reader',
  params: z.strictObject({
    tasks: z.array(taskRef).min(1).max(100),
    through_limits: z
      .boolean()
      .default(true)
      .describe('false: a task that waits for a usage limit ends the wait.'),
  }),
  result: z.array(taskView),
  stream: {
    notification: 'task.changed',
    params: z.looseObject({ request: z.union([z.string(), z.number()]), task: taskView }),
  },
  errors: ['task_unknown', 'task_ambiguous', 'damaged'],
});
