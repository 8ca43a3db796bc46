/** What the user asks of a service: when it is ready, whether it stays well, when it is started again, and its port. */
import * as z from 'zod';
import { MAX_RESTARTS, RESTARTS } from './service-words.ts';

const MAX_TEXT = 4096;
const text = z.string().min(1).max(MAX_TEXT);
const seconds = z.number().positive().max(86_400);
const port = z.int().min(1).max(65_535);

/** `${PORT}` in these texts stands for the port of the service. */
const probe = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('tcp'),
    address: text.describe('PORT or HOST:PORT that takes connections.'),
  }),
  z.strictObject({ kind: z.literal('http'), url: text.describe('Answers with a status below 400.') }),
  z.strictObject({ kind: z.literal('line'), text: text.describe('Stands in a line of its output.') }),
  z.strictObject({
    kind: z.literal('file'),
    path: text.describe('Was written since the service was started; relative to its folder.'),
  }),
  z.strictObject({
    kind: z.literal('command'),
    run: z.array(z.string().max(65_536)).min(1).max(1000).describe('Ends with exit code 0.'),
  }),
]);
export type Probe = z.infer<typeof probe>;

export const serviceSpec = z.strictObject({
  ready: z
    .strictObject({
      probe,
      timeout_seconds: seconds.describe('Longest time from its start until it is ready.'),
    })
    .nullable()
    .default(null)
    .describe('When it is ready. null: as soon as its port takes connections, or it runs where it has none.'),
  health: z
    .strictObject({
      probe: probe.nullable().default(null).describe('null: that of `ready`.'),
      every_seconds: seconds.default(10),
      failures: z.int().min(1).max(1000).default(3).describe('In a row, after which it is started again.'),
    })
    .nullable()
    .default(null)
    .describe('How it is looked at while it is ready. null: only whether it runs.'),
  restart: z.enum(RESTARTS).default('on-failure'),
  max_restarts: z
    .int()
    .min(0)
    .max(MAX_RESTARTS)
    .default(5)
    .describe('Most restarts within `window_seconds`.'),
  window_seconds: seconds.default(600),
  port: z
    .union([z.literal('auto'), port])
    .nullable()
    .default(null)
    .describe('auto: a free one, the same for the task as long as it lives. null: none is known.'),
});
export type ServiceSpec = z.infer<typeof serviceSpec>;
