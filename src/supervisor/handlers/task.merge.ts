/** Answers `task.merge`. */
import { untilState } from '../wait.ts';
import { askOf, type Handler, throwRefused } from './define.ts';

export const taskMerge: Handler<'task.merge'> = async (params, supervisor, context) => {
  const { assertStays, commands, registry, flushViews } = supervisor;
  assertStays();
  const { task, into, squash } = params;
  const { entry, op } = await commands.merge(task, into, squash, askOf(params, context));
  const state = await untilState(registry, entry, s => !s.merge, context.signal);
  await flushViews([entry.id]);
  throwRefused(state.merge_refused, op);
  return registry.viewOf(entry);
};
