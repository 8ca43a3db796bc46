/** Answers `task.wait`. */
import { waitForTasks } from '../wait.ts';
import type { Handler } from './define.ts';

export const taskWait: Handler<'task.wait'> = async (params, { registry, flushViews }, context) => {
  const views = await waitForTasks(registry, params, context);
  // Scripts look at the files of the project and at the answer.
  await flushViews(views.map(({ id }) => id));
  return views;
};
