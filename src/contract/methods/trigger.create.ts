/** `trigger.create`: a trigger, accepted when it is durable. */
import * as z from 'zod';
import { definitionDraft, triggerFull, triggerId } from '../trigger.ts';
import { defineMethod } from './define.ts';

export const triggerCreate = defineMethod({
  name: 'trigger.create',
  summary:
    'Accepts a trigger and answers when it is durable. The same id again answers with the trigger that is there.',
  asks: 'person',
  params: z.strictObject({
    id: triggerId,
    definition: definitionDraft,
    env: z.record(z.string(), z.string()).describe('Environment of its runs; kept in a file of mode 0600.'),
  }),
  result: z.looseObject({ created: z.boolean(), trigger: triggerFull }),
  errors: ['trigger_exists', 'config', 'usage', 'storage', 'shutting_down', 'not_permitted'],
});
