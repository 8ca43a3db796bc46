/** `daemon.doctor`: what is wrong, or could go wrong, seen from inside the supervisor. */
import * as z from 'zod';
import { defineMethod } from './define.ts';

export const finding = z.looseObject({
  check: z.string(),
  level: z.enum(['ok', 'warning', 'error']),
  message: z.string(),
  fix: z.string().nullable(),
});

export const daemonDoctor = defineMethod({
  name: 'daemon.doctor',
  summary:
    'Checks disk, git, journals, cage and limits from inside the supervisor; each finding comes with its fix.',
  asks: 'reader',
  params: z.strictObject({}),
  result: z.looseObject({
    findings: z.array(finding),
    agents: z
      .array(z.string())
      .optional()
      .describe('Names of the agents that the supervisor itself finds; absent from older ones.'),
  }),
  errors: [],
});

export type Finding = z.infer<typeof finding>;
