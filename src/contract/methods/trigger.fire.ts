/** `trigger.fire`: a slot now. */
import * as z from 'zod';
import { defineMethod } from './define.ts';
import { triggerRef } from './params.ts';
import { slotAnswer } from './trigger.deliver.ts';

export const triggerFire = defineMethod({
  name: 'trigger.fire',
  summary:
    'Makes a trigger due now, whatever its times are, and answers with the receipt. What its policy says of overlaps holds.',
  asks: 'person',
  params: z.strictObject({
    trigger: triggerRef,
    op: z
      .string()
      .min(1)
      .max(100)
      .describe('Chosen by the caller; a repeated request with the same op is the same slot.'),
  }),
  result: slotAnswer,
  errors: ['trigger_unknown', 'trigger_state', 'storage', 'not_permitted'],
});
