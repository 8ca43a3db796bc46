/** `task.submit`: accept a task whose order is too large for a line. */
import * as z from 'zod';
import { taskId } from '../spec.ts';
import { defineMethod } from './define.ts';
import { runErrors, runResult } from './task.run.ts';

export const taskSubmit = defineMethod({
  name: 'task.submit',
  summary:
    'As task.run, for an order that is longer than a line may be: its params are the JSON of a file that the client made as `inbox/TASK.order` in the folder of the state, and removes after the answer.',
  asks: 'anyone',
  params: z.strictObject({
    id: taskId.describe('Id of the task that is in the order.'),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe('Of the bytes of the file.'),
  }),
  result: runResult,
  errors: [...runErrors, 'usage'],
});
