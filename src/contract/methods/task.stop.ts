/** `task.stop`: end what runs, keep the state. */
import * as z from 'zod';
import { taskView } from '../view.ts';
import { defineMethod } from './define.ts';
import { op, taskRef } from './params.ts';

export const taskStop = defineMethod({
  name: 'task.stop',
  summary:
    'Stops what runs (SIGTERM, after 30 s SIGKILL; with force SIGKILL now), keeps all state, and answers when no process of the task is left.',
  asks: 'own',
  params: z.strictObject({ task: taskRef, force: z.boolean().default(false), op }),
  result: taskView,
  errors: ['task_unknown', 'task_ambiguous', 'task_state', 'damaged', 'not_permitted'],
});
