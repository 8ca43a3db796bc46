/**
 * What scripts read: the seed's words and fields, in `.rasen/status.json` and in `rasen status --format json` alike,
 * whether a supervisor runs, none does, or the task was never run. Ours stand beside them. Pure; types only of other
 * rooms, so that the thin client can make them, too.
 */
import type { TaskView } from '../contract/view.ts';
import { VIEW_LIMITS } from './limits.ts';
import { seedTime } from './log-format.ts';
import { cleanText, oneLine } from './plain-text.ts';

/** Words of a task that was made and not run yet; the seed has them beside its others. */
export type Unrun = 'initialized' | 'reinitialized';
export type SeedWord = 'running' | 'completed' | 'failed' | 'interrupted' | 'not_running' | Unrun;

/** `running`: it goes on by itself, now or after a wait. `interrupted`: it needs somebody. */
const WORDS: Readonly<Record<TaskView['status'], SeedWord>> = {
  pending: 'running',
  running: 'running',
  waiting: 'running',
  blocked: 'interrupted',
  interrupted: 'interrupted',
  cancelled: 'interrupted',
  completed: 'completed',
  failed: 'failed',
  damaged: 'failed',
  newer_format: 'interrupted',
};

/** `attended`: a supervisor runs, so that what can go on by itself does. */
export function seedWord(status: TaskView['status'], attended: boolean): SeedWord {
  const word = WORDS[status];
  return word === 'running' && !attended ? 'not_running' : word;
}

/** Our word for how a task stands, and what there is to know of it. */
export interface OurState {
  name: TaskView['status'] | Unrun;
  /** The class of the reason: limit, disk, question, …; of an interrupted task who stopped it. */
  why: string | null;
  /** When a waiting task goes on by itself (RFC 3339). */
  resume_at: string | null;
  message: string | null;
}

export function ourState(view: TaskView, unrun: Unrun | null = null): OurState {
  const { status, why, reason } = view;
  const resume_at = view.resume_at === null ? null : seedTime(view.resume_at);
  const message = reason === null ? null : oneLine(reason, VIEW_LIMITS.line_chars);
  return { name: unrun ?? status, why, resume_at, message };
}

/** `status.json`. */
export function statusFields(view: TaskView, status: SeedWord, unrun: Unrun | null = null) {
  const state = ourState(view, unrun);
  return {
    pid: view.pid,
    status,
    iteration: view.iteration,
    max_iterations: view.max_iterations,
    subtask_id: view.subtask_id,
    subtask_description:
      view.subtask_description === null
        ? null
        : oneLine(cleanText(view.subtask_description), VIEW_LIMITS.text_chars),
    current_phase: view.current_phase,
    completed_subtasks: view.completed_subtasks,
    total_subtasks: view.total_subtasks,
    total_commits: view.total_commits,
    last_activity: seedTime(view.last_activity),
    started_at: view.started_at === null ? null : seedTime(view.started_at),
    total_duration_seconds: view.total_duration_seconds,
    total_input_tokens: view.total_input_tokens,
    total_output_tokens: view.total_output_tokens,
    total_tokens: view.total_tokens,
    model: view.model,
    review_enabled: view.review_enabled,
    qa_enabled: view.qa_enabled,
    session_timeout: view.session_timeout,
    // Ours, after the seed's.
    task_id: view.id,
    task_status: state.name,
    state,
    reason: state.message,
    why: state.why,
    resume_at: state.resume_at,
    retry_at: view.retry_at === null ? null : seedTime(view.retry_at),
    result: view.result === null ? null : oneLine(view.result, VIEW_LIMITS.text_chars),
    verified: view.verified,
    verified_but: view.verified_but,
    exit_code: view.exit_code,
  };
}
