/** Answers `task.answer`. */
import { askOf, type Handler } from './define.ts';

export const taskAnswer: Handler<'task.answer'> = async (params, { notes, registry }, context) => {
  const { entry, step, ...rest } = await notes.answer(params.task, params.text, askOf(params, context));
  return { ...rest, task: registry.viewOf(entry), subtask: step };
};
