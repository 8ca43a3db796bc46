/** `trigger.edit`: another definition for a trigger. */
import * as z from 'zod';
import { definitionDraft, triggerFull } from '../trigger.ts';
import { defineMethod } from './define.ts';
import { triggerRef } from './params.ts';

export const triggerEdit = defineMethod({
  name: 'trigger.edit',
  summary:
    'Replaces the definition of a trigger. Runs that go on are left alone; one that was finished is active again.',
  asks: 'person',
  params: z.strictObject({
    trigger: triggerRef,
    definition: definitionDraft,
    env: z.record(z.string(), z.string()).nullable().default(null).describe('null: as it was.'),
  }),
  result: triggerFull,
  errors: ['trigger_unknown', 'trigger_exists', 'config', 'usage', 'storage', 'not_permitted'],
});
