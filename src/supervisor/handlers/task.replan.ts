/** Answers `task.replan`. */
import { askOf, type Handler } from './define.ts';

export const taskReplan: Handler<'task.replan'> = async (params, { commands, registry }, context) => {
  const { task, plan, expected_rev } = params;
  const entry = await commands.replan(task, plan, expected_rev, askOf(params, context));
  return registry.viewOf(entry);
};
