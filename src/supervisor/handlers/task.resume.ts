/** Answers `task.resume`. */
import { askOf, type Handler } from './define.ts';
import { inProject } from './in-project.ts';

export const taskResume: Handler<'task.resume'> = async (params, supervisor, context) => {
  supervisor.assertStays();
  const { task, skip, env } = params;
  const ask = askOf(params, context);
  let env_changed: string[] = [];
  const entry = await inProject(supervisor, task, async () => {
    if (env) env_changed = await supervisor.commands.changeEnv(task, env, ask);
    return await supervisor.commands.resume(task, skip, ask);
  });
  return { ...supervisor.registry.viewOf(entry), env_changed };
};
