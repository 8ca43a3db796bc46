/** `trigger.log`: the receipts of a trigger. */
import * as z from 'zod';
import { RECEIPTS_MAX } from '../triggers/fold.ts';
import { receiptView } from '../triggers/view.ts';
import { defineMethod } from './define.ts';
import { triggerRef } from './params.ts';

export const triggerLog = defineMethod({
  name: 'trigger.log',
  summary: 'What became of the slots of a trigger, oldest first: one receipt for each, or for a row of them.',
  asks: 'reader',
  params: z.strictObject({
    trigger: triggerRef,
    limit: z.int().min(1).max(RECEIPTS_MAX).default(100).describe('The latest so many.'),
  }),
  result: z.array(receiptView),
  errors: ['trigger_unknown'],
  handle: ({ trigger, limit }, supervisor) => supervisor.triggerReader.log(trigger, limit),
});
