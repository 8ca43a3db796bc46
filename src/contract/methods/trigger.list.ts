/** `trigger.list`: all triggers. */
import * as z from 'zod';
import { triggerView } from '../trigger.ts';
import { defineMethod } from './define.ts';

export const triggerList = defineMethod({
  name: 'trigger.list',
  summary: 'All triggers, by name.',
  asks: 'reader',
  params: z.strictObject({
    project: z
      .string()
      .max(4096)
      .optional()
      .describe('Only triggers whose runs work in this folder; absolute.'),
    source: z
      .string()
      .max(4096)
      .optional()
      .describe('Only triggers that were taken from this file; absolute.'),
  }),
  result: z.array(triggerView),
  errors: [],
});
