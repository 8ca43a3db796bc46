/** `task.replan`: put another plan in force. */
import * as z from 'zod';
import { plan } from '../plan.ts';
import { taskView } from '../view.ts';
import { defineMethod } from './define.ts';
import { op, taskRef } from './params.ts';

export const taskReplan = defineMethod({
  name: 'task.replan',
  summary:
    'Freezes an edited plan as the next revision. Subtasks that did not change keep what was done; nothing of the task may be running.',
  asks: 'person',
  params: z.strictObject({
    task: taskRef,
    plan,
    expected_rev: z
      .int()
      .min(0)
      .describe('Revision that was edited; another one in force means that somebody was faster.'),
    op,
  }),
  result: taskView,
  errors: ['task_unknown', 'task_ambiguous', 'task_state', 'config', 'damaged', 'not_permitted'],
});
