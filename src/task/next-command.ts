/**
 * The command to type next for a task: one that can be pasted into a shell anywhere on this machine, so it always names
 * the task. Pure; types only, so that the thin client can ask too.
 */
import type { TaskView } from './view.ts';

/** null: nothing to do. */
export function nextCommand(
  view: Pick<TaskView, 'id' | 'status' | 'why' | 'subtasks' | 'branch' | 'merged' | 'commit'>,
): string | null {
  const { id } = view;
  const refused = view.subtasks.find(s => s.status === 'failed');
  switch (view.status) {
    case 'pending':
    case 'running':
      return `rasen logs ${id} --follow`;
    case 'waiting':
      return `rasen wait ${id} --wait`;
    case 'interrupted':
      return `rasen resume ${id}`;
    case 'blocked':
      return view.why === 'question' ? `rasen answer ${id} "…"` : `rasen resume ${id}`;
    case 'failed':
      return refused ? `rasen logs ${id} --subtask ${refused.id}` : `rasen logs ${id}`;
    case 'completed':
      return view.branch && view.commit && !view.merged ? `rasen merge ${id}` : null;
    case 'cancelled':
    case 'newer_format':
      return null;
    case 'damaged':
      return 'rasen doctor';
  }
}
