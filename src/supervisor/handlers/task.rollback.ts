/** Answers `task.rollback`. */
import { askOf, type Handler } from './define.ts';

export const taskRollback: Handler<'task.rollback'> = async (params, { commands, registry }, context) => {
  const entry = await commands.rollback(params.task, params.subtask, askOf(params, context));
  return registry.viewOf(entry);
};
