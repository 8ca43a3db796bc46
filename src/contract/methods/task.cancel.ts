/** `task.cancel`: end a task for good. */
import * as z from 'zod';
import { taskView } from '../view.ts';
import { defineMethod } from './define.ts';
import { op, taskRef } from './params.ts';

export const taskCancel = defineMethod({
  name: 'task.cancel',
  summary:
    'Stops what runs and ends the task for good. Its commits, logs and worktree are kept. While what is to run at its end (`finally`) runs, the answer has the status of before; `force` leaves that out.',
  asks: 'child',
  params: z.strictObject({ task: taskRef, force: z.boolean().default(false), op }),
  result: taskView,
  errors: ['task_unknown', 'task_ambiguous', 'task_state', 'damaged', 'not_permitted'],
});
