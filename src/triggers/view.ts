/** Triggers as clients see them. Pure. */
import type { ReceiptView, TriggerView } from '../contract/trigger.ts';
import { whenText } from './calendar.ts';
import { nextDue } from './decide.ts';
import { expectingSince, liveRuns, type TriggerState } from './state.ts';

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
    overdue: within !== null && state.status !== 'finished' && now_ms > expectingSince(state) + within * 1000,
    ...{ failures: state.failures, counts: state.counts },
    runs: runs.map(({ slot, task: id, end, ended_at }) => ({ slot, task: id, end, ended_at })),
    ...{ project: task.project, goal: task.goal, source: defined.source },
    ...{ created_at: state.created_at, updated_at: state.updated_at },
  };
}

/** The receipts of a trigger, the latest of them. */
export const receiptsOf = ({ receipts }: TriggerState, most: number): ReceiptView[] =>
  receipts.slice(-most).map(receipt => ({ ...receipt }));
