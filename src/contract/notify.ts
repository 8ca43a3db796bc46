/** What a person is told of a task, and where. Which notices are owed is decided in engine/notices.ts. */
import * as z from 'zod';

/** budget: most of what may be spent is spent. resumed: the machine was restarted. waiting: for a usage limit, the budget of the next day, or the machine. */
export const NOTICE_KINDS = ['completed', 'failed', 'blocked', 'waiting', 'resumed', 'budget'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** What a webhook gets. auto: what the service at its address takes, else json, which is the notice itself. */
export const WEBHOOK_FORMATS = ['auto', 'json', 'ntfy', 'slack', 'discord', 'telegram', 'teams'] as const;
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number];

export const MAX_WEBHOOK_CHARS = 2000;
const PLACEHOLDER = /\$\{([A-Za-z_][A-Za-z0-9_]{0,127})\}/g;

/** The secrets that stand in an address as `${NAME}`. */
export const secretsIn = (address: string): string[] =>
  [...address.matchAll(PLACEHOLDER)].map(([, name]) => name!);

/** The address with what stands for its secrets. */
export const withSecretsIn = (address: string, value: (name: string) => string): string =>
  address.replace(PLACEHOLDER, (_all, name: string) => value(name));

/** Why a text is no address of a webhook; null: it is one. */
export function addressProblem(text: string): string | null {
  // One that is a secret as a whole is looked at when it is known.
  const whole = /^\$\{\w+\}$/.test(text) && secretsIn(text).length === 1;
  const url = URL.parse(whole ? 'https://secret.invalid/' : withSecretsIn(text, () => 'x'));
  if (!url || !/^https?:$/.test(url.protocol))
    return 'is not an address that begins with http:// or https://';
  return url.username === '' && url.password === '' ? null : 'has a login in it, which is not sent';
}

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
    .string()
    .max(MAX_WEBHOOK_CHARS)
    .refine(text => addressProblem(text) === null, 'is not an address that begins with http:// or https://')
    .nullable()
    .default(null)
    .describe(
      'Address that gets the notice by POST; `${NAME}` in it stands for a secret with `for: [notify]`.',
    ),
  webhook_format: z.enum(WEBHOOK_FORMATS).default('auto').describe('What the webhook gets.'),
  webhook_secret: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/)
    .nullable()
    .default(null)
    .describe(
      'Name of the secret with which requests are signed, as Standard Webhooks are. null: they are not.',
    ),
  desktop: z.boolean().default(false).describe('Shown by notify-send, or by osascript on macOS.'),
  on: z
    .array(z.enum(NOTICE_KINDS))
    .default([...NOTICE_KINDS])
    .describe('What is told.'),
});
export type NotifySpec = z.infer<typeof notifySpec>;

export const NOTIFY_CHANNELS = ['command', 'webhook', 'desktop'] as const;
export type NotifyChannel = (typeof NOTIFY_CHANNELS)[number];
