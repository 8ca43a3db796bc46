/** `trigger.deliver`: a delivery for a webhook trigger. */
import * as z from 'zod';
import { receiptView } from '../trigger.ts';
import { defineMethod } from './define.ts';
import { triggerRef } from './params.ts';

/** Of the JSON of a delivery. */
const BODY_CHARS = 900_000;

export const slotAnswer = z.looseObject({
  slot: z.string(),
  receipt: receiptView.nullable().describe('null: the slot waits for its turn.'),
  again: z.boolean().optional().describe('It was known before, so this has added nothing.'),
});

export const triggerDeliver = defineMethod({
  name: 'trigger.deliver',
  summary:
    'Hands a delivery to a webhook trigger and answers with its receipt. The same key again is the same delivery, and starts nothing.',
  asks: 'person',
  params: z.strictObject({
    trigger: triggerRef,
    key: z
      .string()
      .min(1)
      .max(150)
      .describe('Tells the delivery apart, such as the id that the sender gave it.'),
    body: z
      .unknown()
      .default(null)
      .refine(
        body => JSON.stringify(body ?? null).length <= BODY_CHARS,
        `is larger than ${BODY_CHARS} characters`,
      )
      .describe('What came; the run finds it as JSON in the file that RASEN_TRIGGER_FILE names.'),
  }),
  result: slotAnswer,
  errors: ['trigger_unknown', 'trigger_state', 'storage', 'not_permitted'],
});
