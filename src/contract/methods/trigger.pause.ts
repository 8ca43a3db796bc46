/** `trigger.pause`. */
import * as z from 'zod';
import { triggerView } from '../trigger.ts';
import { defineMethod } from './define.ts';
import { triggerRef } from './params.ts';

export const triggerPause = defineMethod({
  name: 'trigger.pause',
  summary:
    'Pauses a trigger: its slots are skipped, with receipts, until it is resumed. Runs that go on are left alone.',
  asks: 'person',
  params: z.strictObject({ trigger: triggerRef }),
  result: triggerView,
  errors: ['trigger_unknown', 'trigger_state', 'storage', 'not_permitted'],
});
