/** `trigger.remove`. */
import * as z from 'zod';
import { triggerView } from '../trigger.ts';
import { defineMethod } from './define.ts';
import { triggerRef } from './params.ts';

export const triggerRemove = defineMethod({
  name: 'trigger.remove',
  summary: 'Removes a trigger with its receipts. Its runs are kept as tasks, and go on.',
  asks: 'person',
  params: z.strictObject({ trigger: triggerRef }),
  result: triggerView,
  errors: ['trigger_unknown', 'trigger_state', 'storage', 'not_permitted'],
});
