/** `task.rollback`: back to the good commit before a subtask. */
import * as z from 'zod';
import { taskView } from '../view.ts';
import { defineMethod } from './define.ts';
import { op, taskRef } from './params.ts';

export const taskRollback = defineMethod({
  name: 'task.rollback',
  summary:
    'Puts the task’s branch back to the last good commit before a subtask (default: the last completed one), which is pending again with all that came after it. Every commit stays under its ref. Where the machine cannot do it now, the answer has `rolling_back`, and it is done as soon as that works.',
  asks: 'person',
  params: z.strictObject({ task: taskRef, subtask: z.string().min(1).max(50).optional(), op }),
  result: taskView,
  errors: [
    'task_unknown',
    'task_ambiguous',
    'task_state',
    'subtask_unknown',
    'git',
    'not_git',
    'storage',
    'shutting_down',
    'damaged',
    'not_permitted',
  ],
});
