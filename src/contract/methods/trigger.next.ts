/** `trigger.next`: when a trigger will be due. */
import * as z from 'zod';
import { defineMethod } from './define.ts';
import { triggerRef } from './params.ts';

export const triggerNext = defineMethod({
  name: 'trigger.next',
  summary: 'The next times at which a trigger is due, with its jitter.',
  asks: 'reader',
  params: z.strictObject({ trigger: triggerRef, count: z.int().min(1).max(100).default(5) }),
  result: z.looseObject({ times: z.array(z.string()), tz: z.string() }),
  errors: ['trigger_unknown', 'trigger_state'],
});
