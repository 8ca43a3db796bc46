/** `daemon.gc`: remove what is over and old. */
import * as z from 'zod';
import { defineMethod } from './define.ts';

export const daemonGc = defineMethod({
  name: 'daemon.gc',
  summary:
    'Removes tasks that ended long ago, with their worktrees and refs. What was never merged is kept unless asked for.',
  asks: 'person',
  params: z.strictObject({
    older_than_days: z.number().min(0).max(36_500).default(7),
    unmerged: z.boolean().default(false).describe('Also tasks whose commits were never merged.'),
    dry_run: z.boolean().default(false),
    damaged: z
      .boolean()
      .default(false)
      .describe('Also what is left of tasks that cannot be read, of any age. Their keys are free then.'),
  }),
  result: z.looseObject({
    removed: z.array(z.looseObject({ id: z.string(), name: z.string(), bytes: z.int() })),
    kept: z.array(z.looseObject({ id: z.string(), name: z.string(), reason: z.string() })),
  }),
  errors: ['git', 'storage', 'not_permitted'],
});
