/** `trigger.log`: the receipts of a trigger. */
import * as z from 'zod';
import { receiptView } from '../trigger.ts';
import { defineMethod } from './define.ts';
import { triggerRef } from './params.ts';

export const triggerLog = defineMethod({
  name: 'trigger.log',
  summary: 'What became of the slots of a trigger, oldest first: one receipt for each, or for a row of them.',
  asks: 'reader',
  params: z.strictObject({
    trigger: triggerRef,
    limit: z.int().min(1).max(1000).default(100).describe('The latest so many.'),
  }),
  result: z.array(receiptView),
  errors: ['trigger_unknown'],
});
