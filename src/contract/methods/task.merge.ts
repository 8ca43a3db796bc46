/** `task.merge`: bring a completed task's commits into a branch of the user. */
import * as z from 'zod';
import { taskView } from '../view.ts';
import { defineMethod } from './define.ts';
import { op, taskRef } from './params.ts';

export const taskMerge = defineMethod({
  name: 'task.merge',
  summary:
    'Merges a completed task: the merge is made aside, the gates run on it, and only then the branch moves. On a conflict or a red gate nothing is moved.',
  asks: 'person',
  params: z.strictObject({
    task: taskRef,
    into: z
      .string()
      .min(1)
      .max(250)
      .nullable()
      .default(null)
      .describe('Branch; null: the one that the project has checked out.'),
    squash: z.boolean().default(false),
    op,
  }),
  result: taskView,
  errors: [
    'task_unknown',
    'task_ambiguous',
    'task_state',
    'merge_conflict',
    'gate_failed',
    'git',
    'cancelled',
    'damaged',
    'not_permitted',
  ],
});
