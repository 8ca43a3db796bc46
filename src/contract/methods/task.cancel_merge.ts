/** `task.cancel_merge`: end a merge that is being made or waits, before the branch moves. */
import * as z from 'zod';
import { taskView } from '../view.ts';
import { defineMethod } from './define.ts';
import { taskRef } from './params.ts';

export const taskCancelMerge = defineMethod({
  name: 'task.cancel_merge',
  summary:
    'Ends the merge of a task that is being made, or waits for the machine, before its branch moves; who asked for it is answered `cancelled`. One that is about to move its branch is not ended: the answer says what became of it, in `merged`.',
  asks: 'person',
  params: z.strictObject({ task: taskRef }),
  result: taskView,
  errors: ['task_unknown', 'task_ambiguous', 'task_state', 'damaged', 'not_permitted'],
});
