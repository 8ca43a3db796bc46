/** `task.list`: all tasks, newest first. */
import * as z from 'zod';
import { taskView } from '../view.ts';
import { defineMethod } from './define.ts';

export const taskList = defineMethod({
  name: 'task.list',
  summary:
    'Tasks, newest first. At most 5000 subtasks come with them: those of older tasks beyond that are left out.',
  asks: 'reader',
  params: z.strictObject({
    status: z.array(z.string()).optional().describe('Only tasks in one of these statuses.'),
    project: z.string().optional().describe('Only tasks of this project folder.'),
    before: z.string().optional().describe('Only tasks that are older than the one with this id.'),
    limit: z.int().min(1).max(1000).default(100),
    last_output: z
      .boolean()
      .default(false)
      .describe('With the last line that the newest of these tasks printed, in the field `last_output`.'),
  }),
  result: z.array(
    taskView.extend({
      last_output: z
        .string()
        .nullable()
        .optional()
        .describe('Only where it was asked for; null: nothing was printed, or it is not looked up any more.'),
    }),
  ),
  errors: [],
});
