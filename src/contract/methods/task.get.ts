/** `task.get`: one task as it is now. */
import * as z from 'zod';
import { taskView } from '../view.ts';
import { defineMethod } from './define.ts';
import { taskRef } from './params.ts';

export const taskGet = defineMethod({
  name: 'task.get',
  summary: 'The task as it is now, from memory.',
  asks: 'reader',
  params: z.strictObject({ task: taskRef }),
  result: taskView,
  errors: ['task_unknown', 'task_ambiguous', 'damaged', 'version'],
});
