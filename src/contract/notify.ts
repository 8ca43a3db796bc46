/** What a person is told of a task, and where. Which notices are owed is decided in engine/notices.ts. */
import * as z from 'zod';

/** budget: most of what may be spent is spent. resumed: the machine was restarted. waiting: for a usage limit, the budget of the next day, or the machine. */
export const NOTICE_KINDS = ['completed', 'failed', 'blocked', 'waiting', 'resumed', 'budget'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

const MAX_URL = 2000;

/** Where notices of a task go. */
export const notifySpec = z.strictObject({
  command: z
    .array(z.string().max(65_536))
    .min(1)
    .max(1000)
    .nullable()
    .default(null)
    .describe('Program that finds the notice as JSON on its standard input.'),
  webhook: z
    .url({ protocol: /^https?$/ })
    .max(MAX_URL)
    .nullable()
    .default(null)
    .describe('Address that gets the notice as JSON by POST.'),
  desktop: z.boolean().default(false).describe('Shown by notify-send, or by osascript on macOS.'),
  on: z
    .array(z.enum(NOTICE_KINDS))
    .default([...NOTICE_KINDS])
    .describe('What is told.'),
});
export type NotifySpec = z.infer<typeof notifySpec>;

export const NOTIFY_CHANNELS = ['command', 'webhook', 'desktop'] as const;
export type NotifyChannel = (typeof NOTIFY_CHANNELS)[number];
