/** `log.follow`: the log of a task, and what comes after it. */
import * as z from 'zod';
import { defineMethod } from './define.ts';
import { taskRef } from './params.ts';

/** Where a reader is: events up to `seq` were given, and of each open output the bytes up to `offset`. */
export const logCursor = z.strictObject({
  seq: z.int().min(0),
  outputs: z
    .record(z.string(), z.int().min(0))
    .describe('Job (subtask/attempt, or one of its gates) → offset in its output.'),
});

export const logRecord = z.looseObject({
  kind: z.enum(['event', 'output', 'gap']),
  t: z.string().nullable().describe('Time of an event.'),
  event: z
    .string()
    .optional()
    .describe('Type of an event, as event.follow gives it. Absent: an output, or a supervisor of before.'),
  level: z.enum(['INFO', 'WARNING', 'ERROR']).nullable(),
  subtask: z.string().nullable(),
  attempt: z.int().nullable(),
  job: z.string().nullable(),
  offset: z
    .int()
    .nullable()
    .describe('Where in the output they begin; with secrets masked they are not as many as there.'),
  text: z.string(),
  base64: z.boolean().describe('text is base64 because the bytes are no UTF-8.'),
  agent: z
    .string()
    .nullable()
    .optional()
    .describe('Of an output: the kind of agent whose session it is; null: it is a command.'),
});

export const logFollow = defineMethod({
  name: 'log.follow',
  summary:
    'The log of a task: its events as lines and the output of its attempts, oldest first; with follow what comes, until the task is over.',
  asks: 'reader',
  params: z.strictObject({
    task: taskRef,
    subtask: z.string().max(50).optional().describe('Only this subtask.'),
    lines: z.int().min(0).max(100_000).optional().describe('Only the last n lines of what is there.'),
    since: z.string().optional().describe('Only events from this time on (RFC 3339).'),
    follow: z.boolean().default(false),
    events: z.boolean().default(true).describe('false: only output, no lines about events.'),
    gates: z.boolean().default(false).describe('The output of gates too.'),
    raw: z
      .boolean()
      .default(false)
      .describe('With the values of secrets as they were printed, which are masked otherwise.'),
    cursor: logCursor.optional().describe('Go on from here; from an earlier answer or notification.'),
  }),
  result: z.looseObject({ cursor: logCursor, ended: z.boolean() }),
  stream: {
    notification: 'log.data',
    params: z.looseObject({
      request: z.union([z.string(), z.number()]),
      records: z.array(logRecord),
      cursor: logCursor,
    }),
  },
  errors: ['task_unknown', 'task_ambiguous', 'subtask_unknown', 'damaged'],
});

export type LogRecord = z.infer<typeof logRecord>;
export type LogCursor = z.infer<typeof logCursor>;
