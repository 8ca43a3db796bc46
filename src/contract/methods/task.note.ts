/** `task.note`: words of the user's to the agents of a task. */

import * as z from 'zod';
import { defineMethod } from './define.ts';
import { noted, noteText, op, taskRef } from './params.ts';

export const taskNote = defineMethod({
  name: 'task.note',
  summary:
    'Says something to the agents of a task: to the session that runs, where it can be spoken with, else in the next prompt.',
  asks: 'own',
  params: z.strictObject({ task: taskRef, text: noteText, op }),
  result: noted,
  errors: ['task_unknown', 'task_ambiguous', 'task_state', 'damaged', 'not_permitted'],
});
