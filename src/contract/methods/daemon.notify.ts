/** `daemon.notify`: send a test notice. */
import * as z from 'zod';
import { notifySpec } from '../notify.ts';
import { envName } from '../plan.ts';
import { secretSpec } from '../spec.ts';
import { defineMethod } from './define.ts';

export const daemonNotify = defineMethod({
  name: 'daemon.notify',
  summary:
    'Sends a test notice through channels as a task would, from inside the supervisor, and answers when all have been tried.',
  asks: 'person',
  params: z.strictObject({
    name: z.string().max(200),
    project: z.string().max(4096).describe('Absolute path of the project.'),
    env: z.record(z.string(), z.string()).describe('As of task.run; kept nowhere.'),
    secrets: z.record(envName, secretSpec).default({}),
    notify: notifySpec,
  }),
  result: z.looseObject({
    sent: z.array(
      z.looseObject({
        channel: z.enum(['command', 'webhook', 'desktop']),
        ok: z.boolean(),
        detail: z.string().nullable().describe('What went wrong.'),
      }),
    ),
  }),
  errors: ['secret', 'not_permitted'],
});
