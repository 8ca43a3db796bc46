/** `daemon.suspend`: end what runs before the service is stopped. */
import * as z from 'zod';
import { defineMethod } from './define.ts';

export const daemonSuspend = defineMethod({
  name: 'daemon.suspend',
  summary:
    'Stops every attempt (SIGTERM, after 30 s SIGKILL), without a penalty, and starts nothing; answers when none lives. For whoever is about to stop the service: tasks go on at the next start, or by themselves when the supervisor is not ended within two minutes.',
  asks: 'person',
  params: z.strictObject({}),
  result: z.looseObject({ stopped: z.int().describe('Attempts and gates that were alive.') }),
  errors: ['not_permitted'],
});
