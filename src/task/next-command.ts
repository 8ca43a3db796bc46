/** The command to type next for a task. Pure; types only, so that the thin client can ask too. */
import type { TaskView } from './view.ts';

/** `given`: how the task is named in it; absent: not at all, as in the project of the task. null: nothing to do. */
export function nextCommand(view: TaskView, given?: string): string | null {
  const name = given === undefined ? '' : ` ${given}`;
  const refused = view.subtasks.find(s => s.status === 'failed');
  switch (view.status) {
    case 'pending':
    case 'running':
      return `rasen logs${name} --follow`;
    case 'waiting':
      return `rasen wait${name} --wait`;
    case 'interrupted':
      return `rasen resume${name}`;
    case 'blocked':
      return view.why === 'question'
        ? `rasen answer${name} "…"`
        : `rasen logs${name}, then rasen resume${name}`;
    case 'failed':
      return refused ? `rasen logs${name} --subtask ${refused.id}` : `rasen logs${name}`;
    case 'completed':
      return view.branch && !view.merged ? `rasen merge${name}` : null;
    case 'cancelled':
    case 'newer_format':
      return null;
    case 'damaged':
      return 'rasen doctor';
  }
}
