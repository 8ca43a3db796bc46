/** `task.plan`: the frozen plan. */
import * as z from 'zod';
import { plan } from '../plan.ts';
import { defineMethod } from './define.ts';
import { taskRef } from './params.ts';

export const taskPlan = defineMethod({
  name: 'task.plan',
  summary: 'The plan in force, its revision and its hash; null before the planner is done.',
  asks: 'reader',
  params: z.strictObject({ task: taskRef }),
  result: z.looseObject({
    plan: z.looseObject(plan.shape).nullable(),
    rev: z.int(),
    sha256: z.string().nullable(),
  }),
  errors: ['task_unknown', 'task_ambiguous', 'damaged'],
});
