/** `task.resume`: go on with an interrupted or blocked task. */
import * as z from 'zod';
import { JUDGES } from '../spec.ts';
import { taskView } from '../view.ts';
import { defineMethod } from './define.ts';
import { op, taskRef } from './params.ts';

export const taskResume = defineMethod({
  name: 'task.resume',
  summary:
    'Goes on with an interrupted or blocked task, with a fresh allowance of attempts and time. A running task is left as it is.',
  asks: 'child',
  params: z.strictObject({
    task: taskRef,
    skip: z
      .array(z.enum(JUDGES))
      .max(JUDGES.length)
      .default([])
      .describe('Judges that are left out from now on. Refused while the task runs.'),
    env: z
      .strictObject({
        known: z
          .record(z.string(), z.string())
          .default({})
          .describe(
            'Credentials: what of them the task was handed before, it has with these values from now on.',
          ),
        given: z.record(z.string(), z.string()).default({}).describe('Handed over in any case.'),
      })
      .optional()
      .describe('Variables of the shell that resumes. What runs keeps those that it was started with.'),
    op,
  }),
  result: taskView.extend({
    env_changed: z.array(z.string()).optional().describe('Names of variables that have other values now.'),
  }),
  errors: ['task_unknown', 'task_ambiguous', 'task_state', 'damaged', 'not_permitted', 'project_in_use'],
});
