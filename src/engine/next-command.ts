/**
 * The commands that are printed to be typed next. One that can be pasted into a shell anywhere on this machine: it names its task, and where it is
 * for a project, the folder. Pure; types only, so that the thin client can ask too.
 */

import type { Plan } from '../contract/plan.ts';
import type { TaskView } from '../contract/view.ts';
import { shellWord } from './shell-word.ts';

/** For a task as it is now. null: nothing to do. */
export function nextCommand(
  view: Pick<TaskView, 'id' | 'status' | 'why' | 'branch' | 'merged' | 'commit'>,
): string | null {
  const { id } = view;
  switch (view.status) {
    case 'pending':
    case 'running':
      return `rasen logs ${id} --follow`;
    case 'waiting':
      return `rasen wait ${id} --wait`;
    case 'interrupted':
      return `rasen resume ${id}`;
    case 'blocked':
      // Its reason says what has to be done about another task.
      if (view.why === 'after') return null;
      return view.why === 'question' ? `rasen answer ${id} "…"` : `rasen resume ${id}`;
    case 'failed':
      return `rasen retry --task ${id}`;
    case 'completed':
      return view.branch && view.commit && !view.merged ? `rasen merge ${id}` : null;
    case 'cancelled':
    case 'newer_format':
      return null;
    case 'damaged':
      return 'rasen doctor';
  }
}

/** The same work once more, as a new task. */
export function startAgain(project: string, git: boolean, plan: Plan | null): string {
  const there = inFolder(project);
  if (git) return `${there}rasen reinit`;
  const [only, ...more] = plan?.subtasks ?? [];
  const run = only && more.length === 0 && 'run' in only.do ? only.do.run : null;
  return run ? `${there}rasen run -- ${run.map(shellWord).join(' ')}` : `${there}rasen run -f FILE`;
}

/** What comes before a command that is about the folder it is typed in. */
export const inFolder = (folder: string) => `cd ${shellWord(folder)} && `;
