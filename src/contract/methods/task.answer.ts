/** `task.answer`: the answer to the question that a task waits for. */

import * as z from 'zod';
import { defineMethod } from './define.ts';
import { noted, noteText, op, taskRef } from './params.ts';

export const taskAnswer = defineMethod({
  name: 'task.answer',
  summary:
    'Answers the question that a task is blocked with, and goes on with it: a note and a resume in one.',
  asks: 'person',
  params: z.strictObject({ task: taskRef, text: noteText, op }),
  result: noted,
  errors: ['task_unknown', 'task_ambiguous', 'task_state', 'damaged', 'not_permitted'],
});
