/**
 * The view of a task: what `status`, `list` and every other client is shown. The seed's fields by their names, then ours.
 * It is built in engine/view.ts.
 */
import * as z from 'zod';
import type { TaskStatusName } from './status.ts';

const time = z.string().describe('RFC 3339, UTC.');

const gateView = z.looseObject({
  name: z.string(),
  status: z.enum(['running', 'passed', 'failed', 'tolerated']),
  reason: z.string().nullable(),
});

const attemptView = z.looseObject({
  n: z.int(),
  phase: z.string(),
  pid: z.int().nullable().describe('Process of the runner, while it lives.'),
  cage: z
    .string()
    .nullable()
    .describe('What holds its processes together: unit or group; see daemon.status.'),
  sandbox: z
    .string()
    .nullable()
    .describe(
      'What keeps its program from the rest of the machine: bubblewrap or seatbelt. null: nothing does.',
    ),
  started_at: time.nullable(),
  outcome: z.string().nullable(),
  commit: z.string().nullable(),
  gates: z.array(gateView),
});

const attemptRecordView = z.looseObject({
  n: z.int(),
  outcome: z.string(),
  reason: z.string().nullable(),
  started_at: time,
  ended_at: time,
  code: z.int().nullable(),
  commit: z.string().nullable(),
});

const notificationView = z.looseObject({
  kind: z.string().describe('completed, failed, blocked, waiting, resumed or budget.'),
  t: time,
  ok: z.boolean(),
  detail: z.string().nullable().describe('Why it was not sent, or not everywhere.'),
  again_at: z
    .string()
    .nullable()
    .optional()
    .describe('When what was not sent is tried again; null: it is not, or was already.'),
});

const subtaskView = z.looseObject({
  id: z.string(),
  title: z.string(),
  description: z.string().describe('What is to be done, in full; the title where nothing more was said.'),
  kind: z
    .string()
    .describe('agent, run, or the name of a step that rasen adds: plan, setup, baseline, fix, final.'),
  status: z.enum(['pending', 'in_progress', 'completed', 'failed', 'skipped']),
  needs: z.array(z.string()),
  need_states: z
    .record(z.string(), z.string())
    .optional()
    .describe(
      'What is waited for of those in `needs` where that is written: started, ready, done or failed.',
    ),
  service: z
    .looseObject({
      ready: z.boolean(),
      since: time.nullable().describe('Since when it is ready; null: it is not.'),
      restarts: z.int().describe('How often it was started again since the task was last told to go on.'),
      url: z.string().nullable().describe('Where it is reached; null: nobody said.'),
    })
    .optional()
    .describe('Of a service. Absent: it is none.'),
  attempts: z.int(),
  reason: z.string().nullable(),
  retry_at: time.nullable(),
  commit: z.string().nullable(),
  attempt: attemptView.nullable().describe('The open attempt.'),
  history: z.array(attemptRecordView).describe('Closed attempts.'),
});

const mergingView = z.looseObject({
  into: z.string().nullable().describe('Branch; null: the one that the project has checked out.'),
  squash: z.boolean(),
  gate: z.string().nullable().describe('The gate, or setup, that runs on the result now.'),
  done: z.int().describe('Gates that have passed, of `of`.'),
  of: z.int(),
});
/** How far a merge is. */
export type MergeProgress = Pick<z.infer<typeof mergingView>, 'gate' | 'done' | 'of'>;

/** Of tasks that are on disk and cannot be used: they are listed, and no request but `daemon.gc` takes them. */
export const UNUSABLE_STATUSES = ['damaged', 'newer_format'] as const;

export const taskView = z.looseObject({
  id: z.string(),
  name: z.string(),
  goal: z.string(),
  namesakes: z.int().describe('Other tasks of the same name. A name stands for the newest of them.'),
  status: z
    .enum([
      'pending',
      'running',
      'waiting',
      'interrupted',
      'blocked',
      'completed',
      'failed',
      'cancelled',
      ...UNUSABLE_STATUSES,
    ])
    .describe(
      'damaged and newer_format, in lists alone: the task is on disk and cannot be used; `reason` says what is wrong and what to do.',
    ),
  reason: z.string().nullable().describe('Why it waits, is blocked or failed.'),
  why: z
    .string()
    .nullable()
    .describe(
      'The class of the reason: limit, quiet_hours, disk, lock, machine, service_manager, after, group, attempts, config, …',
    ),
  resume_at: time
    .nullable()
    .describe(
      'When a waiting task goes on by itself; null of one that waits for the machine, or for other tasks.',
    ),
  retry_at: time
    .nullable()
    .describe('Of a blocked task: when it is looked at again by itself; null: only a person goes on.'),
  result: z
    .string()
    .nullable()
    .describe('What the agent of the last completed subtask says it did; null: no agent has said anything.'),
  verified: z
    .boolean()
    .nullable()
    .describe('Of a completed task: checks of ours say so, not only the agent.'),
  verified_but: z
    .string()
    .nullable()
    .optional()
    .describe(
      'What has to be said beside that, as a sentence: that no gate sees the change, or what turned one green. null: nothing.',
    ),
  exit_code: z.int().nullable().describe('What `rasen wait` returns; null while it runs.'),
  // The seed's fields.
  pid: z
    .int()
    .nullable()
    .describe(
      'Process of the supervisor; null when the task is over, stopped or blocked, or no supervisor runs.',
    ),
  iteration: z.int().describe('Attempts made.'),
  max_iterations: z.int(),
  subtask_id: z.string().nullable(),
  subtask_description: z.string().nullable(),
  current_phase: z.string().nullable(),
  completed_subtasks: z.int(),
  total_subtasks: z.int(),
  total_commits: z.int(),
  last_activity: time,
  started_at: time.nullable(),
  total_duration_seconds: z.int(),
  total_input_tokens: z.int(),
  total_output_tokens: z.int(),
  total_tokens: z.int(),
  total_cost_usd: z
    .number()
    .nullable()
    .describe('What the sessions cost whose program says so; null: none did.'),
  budgets: z
    .array(z.looseObject({ budget: z.string(), used: z.number(), limit: z.number() }))
    .describe(
      'The limits of tokens and dollars of the task and of the subtask at hand, by their names in `limits`, and what ended sessions have used of each.',
    ),
  agents: z
    .array(
      z.looseObject({
        backend: z.string(),
        works: z.boolean().describe('It does what is under way now.'),
        away_until: time
          .nullable()
          .optional()
          .describe('null: until a person says go on. Absent: it is there.'),
        why: z.string().optional().describe('What its last session met: limit, auth or overloaded.'),
        tokens: z.int(),
        usd: z.number(),
      }),
    )
    .optional()
    .describe(
      'Agents that take over from each other (`agent.relay`), in their order, with what ended sessions of each backend have used since a budget was last allowed again. Absent: there is one.',
    ),
  model: z.string().nullable(),
  review_enabled: z.boolean(),
  qa_enabled: z.boolean(),
  session_timeout: z.number().nullable(),
  // Ours.
  created_at: time,
  ended_at: time.nullable(),
  active_seconds: z.int(),
  project: z.string(),
  branch: z.string().nullable(),
  worktree: z.string().nullable(),
  base: z.string().nullable(),
  commit: z.string().nullable().describe('Last good commit.'),
  merged: z.looseObject({ into: z.string(), commit: z.string(), t: time }).nullable(),
  merging: mergingView.nullable().describe('The merge that is being made; null: none is.'),
  rolling_back: z
    .looseObject({ commit: z.string(), steps: z.array(z.string()) })
    .optional()
    .describe('The rollback that is being made. Absent: none is.'),
  after: z
    .array(z.string())
    .optional()
    .describe('Tasks that have to be completed before it begins. Absent: none.'),
  group: z.string().optional().describe('Its group, of which only some tasks run at a time. Absent: none.'),
  parent: z
    .string()
    .optional()
    .describe('The task from inside which it was submitted. Absent: somebody else submitted it.'),
  handed_over: z
    .array(z.string())
    .optional()
    .describe('Tasks that were submitted from inside it and are not over. Absent: none.'),
  priority: z.int().optional().describe('Absent: 0.'),
  notifications: z.array(notificationView).describe('The last that were sent, or tried.'),
  left_out: z
    .array(z.looseObject({ path: z.string(), why: z.string() }))
    .optional()
    .describe('What attempts left that no commit can hold. Absent where there is nothing.'),
  meanwhile: z
    .array(z.string())
    .optional()
    .describe(
      'What was lost or set in the user’s repository while attempts ran, where its checkout does not explain it. Absent where there is nothing.',
    ),
  failed_at_end: z
    .array(z.looseObject({ step: z.string(), reason: z.string() }))
    .optional()
    .describe('Of what runs at the end, whatever the outcome: what failed. Absent: nothing did.'),
  forgeries: z
    .array(
      z.looseObject({
        step: z.string(),
        n: z.int(),
        gate: z.int().nullable(),
        what: z.array(z.string()),
        t: time,
      }),
    )
    .describe(
      'Attempts to forge the records of a job: what was found, during which job. None of it counted.',
    ),
  plan_rev: z.int(),
  seq: z.int().describe('Number of the last event; a cursor for event.follow.'),
  notes: z
    .array(z.looseObject({ note: z.int(), t: time, text: z.string() }))
    .describe('What the user has added and no agent has been told yet.'),
  subtasks: z.array(subtaskView),
});

export type TaskView = z.infer<typeof taskView>;
export type SubtaskView = z.infer<typeof subtaskView>;

/** Exit statuses of task-model 9 for a task that does not go on by itself; null: it does. */
export function exitCodeOf(status: TaskStatusName): number | null {
  switch (status) {
    case 'completed':
      return 0;
    case 'failed':
      return 1;
    case 'blocked':
      return 3;
    case 'interrupted':
    case 'cancelled':
      return 130;
    case 'pending':
    case 'running':
    case 'waiting':
      return null;
  }
}
