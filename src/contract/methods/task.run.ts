/** `task.run`: accept a task. */
import * as z from 'zod';
import { taskSpec } from '../spec.ts';
import { taskView } from '../view.ts';
import { defineMethod } from './define.ts';

export const runParams = z.strictObject({
  spec: taskSpec.describe('`stdin`: the client made the file `inbox/TASK.input` in the folder of the state.'),
  env: z
    .record(z.string(), z.string())
    .describe('Environment of its commands; kept in a file of mode 0600 and nowhere else.'),
});

export const runResult = z.looseObject({
  created: z.boolean(),
  task: taskView,
  notes: z.array(z.string()).describe('What of the task this machine cannot do as asked.'),
});

export const runErrors = [
  'task_exists',
  'too_deep',
  'overloaded',
  'config',
  'not_git',
  'storage',
  'shutting_down',
  'project_in_use',
] as const;

export const taskRun = defineMethod({
  name: 'task.run',
  summary:
    'Accepts a task and answers when it is durable. The same id or key again with the same content answers with the task that is there, whatever became of it.',
  asks: 'anyone',
  params: runParams,
  result: runResult,
  errors: [...runErrors],
});
