/**
 * A trigger: when it is due, what it runs and how, and what clients see of it. By value, as the spec of a task: a
 * rasen.yml that is edited later changes nothing until `rasen trigger apply`.
 */
import * as z from 'zod';
import { taskId, taskSpec } from './spec.ts';

const YEAR_S = 366 * 86_400;
/** Longest pattern of `watch`, and most of them. */
const PATTERN_CHARS = 4096;
const PATTERNS_MAX = 1000;

const instant = z.iso.datetime({ offset: true });
const patterns = z.array(z.string().min(1).max(PATTERN_CHARS)).max(PATTERNS_MAX);

export const triggerName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits, dots, dashes or underscores')
  .describe('Name of the trigger; no other trigger has it.');

/** When a trigger is due. */
export const when = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('at'),
    at: instant.describe('Once, at this time.'),
    in_seconds: z
      .number()
      .min(0)
      .optional()
      .describe('The time was asked for as so long from then on: it moves along with a clock that is set.'),
  }),
  z.strictObject({
    kind: z.literal('every'),
    every_seconds: z.number().min(1).max(YEAR_S).describe('Time between two slots, in seconds.'),
    from: instant.describe('The first slot.'),
  }),
  z.strictObject({
    kind: z.literal('cron'),
    cron: z
      .string()
      .min(1)
      .max(200)
      .describe('Cron expression of 5 fields, 6 with seconds, or a nickname such as @daily.'),
  }),
  z.strictObject({
    kind: z.literal('watch'),
    patterns: patterns
      .min(1)
      .describe('Files whose changes are a slot. With "/" the path has to match, else the base name.'),
    ignore: patterns
      .default([])
      .describe('Files whose changes are not, besides .git and what .gitignore names.'),
    outputs: patterns.default([]).describe('Files that runs write: changes of them never start a run.'),
    debounce_ms: z.int().min(10).max(3_600_000).default(500).describe('Quiet time after the last change.'),
  }),
  z.strictObject({ kind: z.literal('webhook') }).describe('Due when trigger.deliver says so.'),
]);
export type When = z.infer<typeof when>;
export type WhenOf<K extends When['kind']> = Extract<When, { kind: K }>;

export const OVERLAPS = ['skip', 'queue', 'replace', 'parallel'] as const;
export const CATCH_UPS = ['one', 'none', 'all'] as const;
export const NOTIFY_WHEN = ['always', 'failure', 'on_change'] as const;

const seconds = z.number().min(0).max(YEAR_S);

export const policy = z.strictObject({
  overlap: z
    .enum(OVERLAPS)
    .default('skip')
    .describe(
      'What a slot does while a run goes on: skip it, wait in a queue, replace the run, or run in parallel.',
    ),
  catch_up: z
    .enum(CATCH_UPS)
    .default('one')
    .describe('Slots that were passed over: run the last of them, none, or all, one after the other.'),
  max_late_seconds: seconds.default(86_400).describe('A slot that is later than this is not run any more.'),
  jitter_seconds: seconds
    .default(0)
    .describe('Each slot starts later by up to this, always the same for the same slot.'),
  tz: z.string().max(100).describe('Time zone of `cron`, such as Europe/Berlin.'),
  until: instant.nullable().default(null).describe('No slot after this time.'),
  max_runs: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .nullable()
    .default(null)
    .describe('The trigger is finished after so many runs.'),
  pause_after: z
    .int()
    .min(1)
    .max(1_000_000)
    .nullable()
    .default(5)
    .describe('The trigger pauses after so many failures in a row. null: never.'),
  keep: z
    .int()
    .min(0)
    .max(10_000)
    .default(20)
    .describe('Finished runs that are kept; what was never merged is kept besides.'),
  notify: z
    .enum(NOTIFY_WHEN)
    .default('on_change')
    .describe('Which ends of runs are told: all, failures, or when it turns red and when it is green again.'),
  expect_within_seconds: seconds
    .min(1)
    .nullable()
    .default(null)
    .describe('No success for so long is an alarm. null: none.'),
});
export type Policy = z.infer<typeof policy>;

/** What of a trigger a person defines. The id in `task` is a placeholder: each run has its own. */
export const definition = z.strictObject({
  name: triggerName,
  when,
  policy,
  task: taskSpec.describe('What a run does, as the spec of a task.'),
  source: z
    .string()
    .max(4096)
    .nullable()
    .default(null)
    .describe(
      'The configuration file that it was taken from by `rasen trigger apply`. null: the command line.',
    ),
});
export type Definition = z.infer<typeof definition>;

export const triggerId = taskId.describe(
  'Id of the trigger, chosen by the client so that a repeated request is the same one.',
);

export const receiptView = z.looseObject({
  slot: z.string().describe('The slot, or the first one of a row to which the same happened.'),
  last: z.string(),
  count: z.int().describe('Slots of the row.'),
  outcome: z
    .enum(['started', 'late', 'joined', 'skipped', 'missed', 'refused'])
    .describe('started and late have a task; joined: the run of another slot is theirs, too.'),
  t: z.string(),
  task: z.string().nullable(),
  reason: z.string().nullable(),
  into: z.string().nullable().describe('The slot that it was joined into.'),
  late_ms: z.int(),
});

export const triggerView = z.looseObject({
  id: z.string(),
  name: z.string(),
  status: z.enum(['active', 'paused', 'finished']),
  reason: z.string().nullable().describe('Why it is paused or finished.'),
  when: z.string().describe('In words.'),
  kind: z.enum(['at', 'every', 'cron', 'watch', 'webhook']),
  tz: z.string(),
  next_at: z.string().nullable().describe('When the next slot is due; null: none is, or nobody can tell.'),
  live: z.array(z.string()).describe('Tasks of runs that go on.'),
  queued: z.int().describe('Slots that wait for their turn.'),
  last: receiptView.nullable().describe('The latest receipt.'),
  last_end: z.enum(['completed', 'failed']).nullable().describe('Result of the last run that had one.'),
  last_success_at: z.string().nullable(),
  overdue: z.boolean().describe('No success within `expect_within_seconds`.'),
  failures: z.int().describe('In a row.'),
  counts: z.record(z.string(), z.int()).describe('Slots by what became of them.'),
  runs: z
    .array(
      z.looseObject({
        slot: z.string(),
        task: z.string(),
        end: z.string().nullable(),
        ended_at: z.string().nullable(),
      }),
    )
    .describe('Runs that go on, and finished ones that are kept; oldest first.'),
  project: z.string(),
  goal: z.string().describe('What it runs, in words.'),
  source: z.string().nullable(),
  created_at: z.string(),
  updated_at: z.string(),
  watching: z
    .looseObject({ files: z.int().nullable(), polling: z.string().nullable() })
    .nullable()
    .optional()
    .describe('Of a watch: how many files; polling: why they are looked through from time to time.'),
});
export type TriggerView = z.infer<typeof triggerView>;
export type ReceiptView = z.infer<typeof receiptView>;

/** With all that a person has defined. */
export const triggerFull = triggerView.extend({ definition });

/** What comes with files or a body waits for its turn; a time that is passed over comes again. */
export const defaultOverlap = (kind: When['kind']): Policy['overlap'] =>
  kind === 'watch' || kind === 'webhook' ? 'queue' : 'skip';

const TEXT_CHARS = 200;
const [, , , watch, webhook] = when.options;

/** When a trigger is due, as people ask for it. */
export const whenDraft = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('at'),
    at: z
      .string()
      .max(TEXT_CHARS)
      .describe('RFC 3339, a date and time or a time of day in the time zone, or a duration from now on.'),
  }),
  z.strictObject({
    kind: z.literal('every'),
    every_seconds: z.number(),
    from: z.string().max(TEXT_CHARS).nullable().default(null).describe('As `at`; null: now.'),
  }),
  z.strictObject({ kind: z.literal('cron'), cron: z.string().max(TEXT_CHARS) }),
  watch,
  webhook,
]);

export const definitionDraft = definition.extend({
  when: whenDraft,
  policy: policy.extend({
    overlap: policy.shape.overlap
      .unwrap()
      .nullable()
      .default(null)
      .describe('As of a trigger; null: `queue` for watch and webhook, else `skip`.'),
    tz: z.string().max(100).nullable().default(null).describe('null: that of the machine.'),
    until: z.string().max(TEXT_CHARS).nullable().default(null).describe('As `at` of `when`; null: for ever.'),
  }),
});
export type DefinitionDraft = z.output<typeof definitionDraft>;
