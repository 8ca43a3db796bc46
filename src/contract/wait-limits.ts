/** What a task says of usage limits; what follows is decided in engine/limit-policy.ts. */
import * as z from 'zod';

/** Part of the limits of a task. */
export const waitLimits = z.object({
  wait: z
    .boolean()
    .default(false)
    .describe('true: a usage limit is waited for. false: it blocks the task, since waiting spends later.'),
  max_waits: z.int().min(1).max(100).default(6).describe('Most waits for one usage limit, in a row.'),
  max_wait_seconds: z
    .number()
    .positive()
    .max(366 * 86_400)
    .default(26 * 3600)
    .describe('Longest time that waits in a row take together.'),
  login_retry_seconds: z
    .number()
    .min(1)
    .max(86_400)
    .nullable()
    .default(600)
    .describe('How often it is looked whether an agent is logged in by now. null: never.'),
});
