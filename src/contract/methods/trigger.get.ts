/** `trigger.get`: one trigger, with its definition. */
import * as z from 'zod';
import { triggerFull } from '../trigger.ts';
import { defineMethod } from './define.ts';
import { triggerRef } from './params.ts';

export const triggerGet = defineMethod({
  name: 'trigger.get',
  summary: 'One trigger, with all that was defined of it.',
  asks: 'reader',
  params: z.strictObject({ trigger: triggerRef }),
  result: triggerFull,
  errors: ['trigger_unknown'],
});
