/** `task.report`: what happened to tasks, and what they need now. */
import * as z from 'zod';
import { reportAnswer } from '../report.ts';
import { defineMethod } from './define.ts';
import { taskRef } from './params.ts';

export const taskReport = defineMethod({
  name: 'task.report',
  summary:
    'What happened to tasks and how they stand, those first that need a person. Counted from the events, all of them or those since a time.',
  asks: 'reader',
  params: z.strictObject({
    tasks: z
      .array(taskRef)
      .max(1000)
      .optional()
      .describe('Absent: all that moved since the time, or need a person.'),
    since: z
      .string()
      .optional()
      .describe('Count only what happened from this time on (RFC 3339). Absent: everything.'),
  }),
  result: reportAnswer,
  errors: ['task_unknown', 'task_ambiguous', 'damaged'],
});
