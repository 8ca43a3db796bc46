/** Answers `task.cancel_merge`. */
import { untilState } from '../wait.ts';
import type { Handler } from './define.ts';

export const taskCancelMerge: Handler<'task.cancel_merge'> = async (
  { task },
  { commands, registry },
  { signal },
) => {
  const entry = await commands.cancelMerge(task);
  await untilState(registry, entry, s => !s.merge, signal);
  return registry.viewOf(entry);
};
