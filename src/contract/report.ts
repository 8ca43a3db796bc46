/** The report: what a person wants to know of a task in the morning. It is counted in engine/report.ts. */
import * as z from 'zod';
import { taskView } from './view.ts';

const time = z.string().describe('RFC 3339, UTC.');
const counts = z.record(z.string(), z.int());

export const waitRecord = z.looseObject({
  why: z.string().describe('limit, overloaded, network, disk, …'),
  message: z.string(),
  from: time,
  until: time.nullable().describe('null: it still waits.'),
  seconds: z.int(),
});

const view = taskView.shape;

export const taskReport = z.looseObject({
  // How it stands.
  id: view.id,
  name: view.name,
  goal: view.goal,
  project: view.project,
  status: view.status,
  why: view.why,
  reason: view.reason,
  result: view.result,
  verified: view.verified,
  verified_but: view.verified_but,
  resume_at: view.resume_at,
  needs_you: z.boolean().describe('It does not go on without a person, or failed.'),
  next: z.string().nullable().describe('What to type next.'),
  subtasks: z.looseObject({ total: z.int(), completed: z.int(), failed: z.int(), skipped: z.int() }),
  budgets: view.budgets,
  notes: view.notes,
  branch: view.branch,
  commit: view.commit,
  merged: view.merged,
  created_at: time,
  started_at: view.started_at,
  ended_at: view.ended_at,
  last_activity: view.last_activity,
  // What happened, in the time that was asked for.
  attempts: counts.describe('Attempts that ended, by outcome.'),
  agents: z
    .array(
      z.looseObject({
        backend: z.string(),
        attempts: z.int(),
        completed: z.array(z.string()).describe('Subtasks whose last attempt was its.'),
        tokens: z.int(),
        usd: z.number(),
      }),
    )
    .optional()
    .describe('Who did what, where agents take over from each other (`agent.relay`). Absent: there is one.'),
  refused: counts.describe(
    'How often a gate refused, by its name; those of checks before and at the end too.',
  ),
  denied: z
    .array(z.looseObject({ method: z.string(), from: z.string(), t: time }))
    .optional()
    .describe('Requests that were refused because no person made them. Absent from older supervisors.'),
  waits: z.array(waitRecord),
  left_out: view.left_out,
  meanwhile: view.meanwhile,
  forgeries: view.forgeries,
  followups: z
    .array(z.looseObject({ step: z.string(), text: z.string() }))
    .describe('What agents found and left for later.'),
  restarts: z.int().describe('How often another supervisor took the task over.'),
  reboots: z.int().describe('… on a machine that had gone down meanwhile.'),
  commits: z.int(),
  total_seconds: z.int(),
  active_seconds: z.int(),
  input_tokens: z.int(),
  output_tokens: z.int(),
  total_tokens: z.int(),
  cost_usd: z.number().nullable().describe('null: no program says what it costs.'),
});

export type TaskReport = z.infer<typeof taskReport>;
export type WaitRecord = z.infer<typeof waitRecord>;

/** Of several tasks together. */
export const reportTotals = z.looseObject({
  tasks: z.int(),
  needs_you: z.int(),
  by_status: counts.describe('Tasks by status; verified and unverified are those of the completed ones.'),
  attempts: z.int(),
  commits: z.int(),
  active_seconds: z.int(),
  total_tokens: z.int(),
  cost_usd: z.number().nullable(),
});
export type ReportTotals = z.infer<typeof reportTotals>;

export const reportAnswer = z.looseObject({
  since: time.nullable(),
  totals: reportTotals,
  tasks: z.array(taskReport),
  damaged: z
    .array(z.looseObject({ id: z.string(), message: z.string() }))
    .describe('Tasks whose journals cannot be read.'),
});
export type Report = z.infer<typeof reportAnswer>;
