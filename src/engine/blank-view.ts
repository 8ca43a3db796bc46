/**
 * A view of which nothing but the id is known, to be filled in: of a task that was made and not run yet, and of one whose
 * files cannot be used. Types only, so that the thin client can make one, too.
 */
import type { TaskView } from '../contract/view.ts';

export function blankView(
  known: Pick<TaskView, 'id' | 'name' | 'status' | 'created_at'> & Partial<TaskView>,
): TaskView {
  return {
    goal: '',
    namesakes: 0,
    reason: null,
    why: null,
    resume_at: null,
    retry_at: null,
    result: null,
    verified: null,
    verified_but: null,
    exit_code: null,
    pid: null,
    iteration: 0,
    max_iterations: 0,
    subtask_id: null,
    subtask_description: null,
    current_phase: null,
    completed_subtasks: 0,
    total_subtasks: 0,
    total_commits: 0,
    last_activity: known.created_at,
    started_at: null,
    total_duration_seconds: 0,
    total_input_tokens: 0,
    total_output_tokens: 0,
    total_tokens: 0,
    total_cost_usd: null,
    budgets: [],
    model: null,
    review_enabled: false,
    qa_enabled: false,
    session_timeout: null,
    ended_at: null,
    active_seconds: 0,
    project: '',
    branch: null,
    worktree: null,
    base: null,
    commit: null,
    merged: null,
    merging: null,
    notifications: [],
    forgeries: [],
    plan_rev: 0,
    seq: 0,
    notes: [],
    subtasks: [],
    ...known,
  };
}
