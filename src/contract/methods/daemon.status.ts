/** `daemon.status`: the supervisor itself. */
import * as z from 'zod';
import { defineMethod } from './define.ts';

export const daemonStatus = defineMethod({
  name: 'daemon.status',
  summary: 'The supervisor: version, process, load.',
  asks: 'reader',
  params: z.strictObject({}),
  result: z.looseObject({
    version: z.string(),
    pid: z.int(),
    started_at: z.string(),
    home: z.string(),
    socket: z.string(),
    cage: z
      .looseObject({
        kind: z.enum(['unit', 'group']),
        why: z.string(),
        enforces: z.array(z.string()).describe('Limits that the system holds; others have no effect here.'),
      })
      .describe('How the processes of an attempt are held together, and why so.'),
    sandbox: z
      .looseObject({ kind: z.enum(['bubblewrap', 'seatbelt']).nullable(), why: z.string() })
      .describe('What programs of tasks are put into that want a sandbox; kind null: nothing, and why so.'),
    tasks: z.record(z.string(), z.int()).describe('Tasks by status.'),
    live_jobs: z.int(),
    max_live_jobs: z.int(),
    rss_bytes: z.int(),
    stored: z
      .looseObject({
        tasks: z.int().describe('Tasks that are over.'),
        packed: z.int().describe('Those of them that are one file each.'),
        bytes: z.int().nullable().describe('What they take on the disk; null: not looked at yet.'),
      })
      .optional(),
    damaged: z.int().describe('Tasks on disk that cannot be used; see task.list and daemon.doctor.'),
  }),
  errors: [],
});
