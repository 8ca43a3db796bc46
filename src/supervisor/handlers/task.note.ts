/** Answers `task.note`. */
import { askOf, type Handler } from './define.ts';

export const taskNote: Handler<'task.note'> = async (params, { notes, registry }, context) => {
  const { entry, step, ...rest } = await notes.note(params.task, params.text, askOf(params, context));
  return { ...rest, task: registry.viewOf(entry), subtask: step };
};
