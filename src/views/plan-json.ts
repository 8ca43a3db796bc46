/**
 * implementation_plan.json in RASEN's shape, with exactly its keys: plan import refuses others, and reads this file
 * as well as RASEN's own. Pure.
 */

import type { StepStatus } from '../contract/status.ts';
import { commandOf } from '../contract/work.ts';
import { subtaskOf } from '../engine/gates-of.ts';
import type { Step, TaskState } from '../engine/state.ts';
import { judgementOf, judgementOfTask, recurringIssues } from './judgements.ts';
import { VIEW_LIMITS } from './limits.ts';
import { seedTime } from './log-format.ts';
import { cleanText, oneLine } from './plain-text.ts';
import { aggregateOf, approachOf, sessionsOf } from './sessions.ts';

/** RASEN has no word for skipped: it was not done, and resume would look at it again. */
const STATUS: Readonly<Record<StepStatus, 'pending' | 'in_progress' | 'completed' | 'failed'>> = {
  pending: 'pending',
  in_progress: 'in_progress',
  completed: 'completed',
  failed: 'failed',
  skipped: 'pending',
};
const REVIEW = { pending: 'pending', approved: 'approved', refused: 'changes_requested' } as const;
const QA = { pending: 'pending', approved: 'approved', refused: 'rejected' } as const;

/** null before there is a plan. */
export function implementationPlan(state: TaskState) {
  if (!state.plan) return null;
  const sessions = sessionsOf(state);
  const review = judgementOfTask(state, 'review');
  const qa = judgementOfTask(state, 'qa');
  return {
    task_name: state.spec.name,
    subtasks: state.steps.filter(s => s.kind === 'subtask').map(s => subtaskJson(state, s)),
    created_at: seedTime(state.created_at),
    updated_at: seedTime(state.updated_at),
    project: state.spec.project,
    description: cleanText(state.spec.goal),
    notes: notesOf(state),
    review: {
      status: REVIEW[review.state],
      feedback: review.remarks,
      iteration: review.rounds,
      last_reviewed_subtask: review.last,
    },
    qa: {
      status: QA[qa.state],
      issues: qa.remarks,
      iteration: qa.rounds,
      recurring_issues: recurringIssues(state).map(({ issue }) => issue),
    },
    memory: {
      decisions: state.memory.decisions.map(plain),
      learnings: state.memory.learnings.map(plain),
    },
    metrics: aggregateOf(state, sessions),
    session_history: sessions.slice(-VIEW_LIMITS.plan_sessions),
  };
}

function subtaskJson(state: TaskState, step: Step) {
  const subtask = subtaskOf(state, step.id);
  const last = step.history.at(-1);
  const review = judgementOf(state, step, 'review');
  const qa = judgementOf(state, step, 'qa');
  return {
    id: step.id,
    description: cleanText(subtask.description || (commandOf(subtask.do)?.join(' ') ?? '')),
    status: STATUS[step.status],
    attempts: step.attempts,
    last_approach: last ? approachOf(last) : null,
    title: oneLine(subtask.title, VIEW_LIMITS.text_chars),
    files: subtask.files,
    tests: subtask.tests,
    dependencies: subtask.needs,
    acceptance_criteria: subtask.acceptance.map(cleanText),
    review: { status: REVIEW[review.state], feedback: review.remarks, iteration: review.rounds },
    qa: { status: QA[qa.state], issues: qa.remarks, iteration: qa.rounds },
  };
}

/** What RASEN's fields have no place for. */
function notesOf(state: TaskState): string[] {
  return state.steps
    .filter(s => s.kind === 'subtask' && (s.status === 'skipped' || s.status === 'failed' || s.block))
    .map(
      s =>
        `${s.id}: ${s.block ? 'blocked' : s.status}: ${oneLine(s.block?.message ?? s.reason ?? 'no reason given', VIEW_LIMITS.text_chars)}`,
    );
}

const plain = (item: { subtask_id: string; content: string }) => ({
  subtask_id: item.subtask_id,
  content: oneLine(item.content, VIEW_LIMITS.text_chars),
});
