/** `event.follow`: events as they are recorded. */
import * as z from 'zod';
import { shownEvent } from '../event.ts';
import { defineMethod } from './define.ts';
import { taskRef } from './params.ts';

export const eventFollow = defineMethod({
  name: 'event.follow',
  summary:
    'Events of one task from a number on, or of all tasks from now on; with follow also those to come, until the task is over.',
  asks: 'reader',
  params: z.strictObject({
    task: taskRef.optional().describe('Absent: all tasks, only what comes.'),
    after: z.int().min(0).default(0).describe('Of one task: only events with a higher seq.'),
    follow: z.boolean().default(false),
  }),
  result: z.looseObject({ seq: z.int().describe('Last event given.') }),
  stream: {
    notification: 'event.data',
    params: z.looseObject({
      request: z.union([z.string(), z.number()]),
      events: z.array(shownEvent),
    }),
  },
  errors: ['task_unknown', 'task_ambiguous', 'damaged'],
});
