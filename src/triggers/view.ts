/** Triggers as clients see them. Pure. */
import * as z from 'zod';
import { nextDue } from './decide.ts';
import { whenText } from './calendar.ts';
import { definition } from './definition.ts';
import { liveRuns, type TriggerState } from './state.ts';

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
    .array(z.looseObject({ slot: z.string(), task: z.string(), end: z.string().nullable(), ended_at: z.string().nullable() }))
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

export function viewOf(state: TriggerState, now_ms: number): TriggerView {
  const { definition: defined, runs } = state;
  const { policy, task, when } = defined;
  const due = state.status === 'active' ? nextDue(state) : null;
  const within = policy.expect_within_seconds;
  return {
    ...{ id: state.id, name: defined.name, status: state.status, reason: state.reason },
    ...{ when: whenText(when, policy.tz), kind: when.kind, tz: policy.tz },
    next_at: due && new Date(due.due_ms).toISOString(),
    live: liveRuns(state).map(run => run.task),
    queued: state.queue.length + state.taken.length,
    last: receiptsOf(state, 1)[0] ?? null,
    ...{ last_end: state.last_end, last_success_at: state.last_success_at },
    overdue:
      within !== null && state.status !== 'finished' && now_ms > Date.parse(state.expecting_since) + within * 1000,
    ...{ failures: state.failures, counts: state.counts },
    runs: runs.map(({ slot, task: id, end, ended_at }) => ({ slot, task: id, end, ended_at })),
    ...{ project: task.project, goal: task.goal, source: defined.source },
    ...{ created_at: state.created_at, updated_at: state.updated_at },
  };
}

/** The receipts of a trigger, the latest of them. */
export const receiptsOf = ({ receipts }: TriggerState, most: number): ReceiptView[] =>
  receipts.slice(-most).map(receipt => ({ ...receipt }));
