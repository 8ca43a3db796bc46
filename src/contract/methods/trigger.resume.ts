/** `trigger.resume`. */
import * as z from 'zod';
import { triggerView } from '../trigger.ts';
import { defineMethod } from './define.ts';
import { triggerRef } from './params.ts';

export const triggerResume = defineMethod({
  name: 'trigger.resume',
  summary: 'Goes on with a paused trigger. Slots of the pause are skipped.',
  asks: 'person',
  params: z.strictObject({ trigger: triggerRef }),
  result: triggerView,
  errors: ['trigger_unknown', 'trigger_state', 'storage', 'not_permitted'],
});
