/** Answers `task.retry`. */
import { askOf, type Handler } from './define.ts';
import { inProject } from './in-project.ts';

export const taskRetry: Handler<'task.retry'> = async (params, supervisor, context) => {
  supervisor.assertStays();
  const { task, subtask } = params;
  const ask = askOf(params, context);
  const subtasks = subtask === undefined ? null : [subtask].flat();
  const entry = await inProject(supervisor, task, () => supervisor.commands.retry(task, subtasks, ask));
  return supervisor.registry.viewOf(entry);
};
