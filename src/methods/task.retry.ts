/** `task.retry`: do one subtask again. */
import * as z from 'zod';
import { taskView } from '../task/view.ts';
import { defineMethod } from './define.ts';
import { op, taskRef } from './params.ts';

export const taskRetry = defineMethod({
  name: 'task.retry',
  summary:
    'Gives a failed, blocked or completed subtask a fresh allowance of attempts and goes on with the task.',
  asks: 'person',
  params: z.strictObject({ task: taskRef, subtask: z.string().min(1).max(50), op }),
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
  handle: (params, supervisor, context) => supervisor.retry(params, context),
});
