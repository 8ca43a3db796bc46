/** `task.retry`: do one subtask again. */
import * as z from 'zod';
import { taskView } from '../view.ts';
import { defineMethod } from './define.ts';
import { op, taskRef } from './params.ts';

export const taskRetry = defineMethod({
  name: 'task.retry',
  summary:
    'Gives failed, blocked or completed subtasks a fresh allowance of attempts and goes on with the task, also where it has failed or is completed and not merged.',
  asks: 'person',
  params: z.strictObject({
    task: taskRef,
    subtask: z
      .union([z.string().min(1).max(50), z.array(z.string().min(1).max(50)).min(1).max(1000)])
      .optional()
      .describe('Ids; absent: all that failed or are blocked.'),
    op,
  }),
  result: taskView,
  errors: [
    'task_unknown',
    'task_ambiguous',
    'task_state',
    'subtask_unknown',
    'damaged',
    'not_permitted',
    'project_in_use',
  ],
});
