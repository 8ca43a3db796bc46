/** Answers `task.resume`. */
import { askOf, type Handler } from './define.ts';
import { inProject } from './in-project.ts';

export const taskResume: Handler<'task.resume'> = async (params, supervisor, context) => {
  supervisor.assertStays();
  const { task, skip } = params;
  const ask = askOf(params, context);
  const entry = await inProject(supervisor, task, () => supervisor.commands.resume(task, skip, ask));
  return supervisor.registry.viewOf(entry);
};
