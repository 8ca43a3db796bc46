/** Answers `task.merge`. */
import { type ErrorKind, RasenError } from '../../contract/errors.ts';
import { untilState } from '../wait.ts';
import { askOf, type Handler } from './define.ts';

export const taskMerge: Handler<'task.merge'> = async (params, supervisor, context) => {
  const { assertStays, commands, registry, flushViews } = supervisor;
  assertStays();
  const { task, into, squash } = params;
  const { entry, op } = await commands.merge(task, into, squash, askOf(params, context));
  const state = await untilState(registry, entry, s => !s.merge, context.signal);
  await flushViews([entry.id]);
  const refused = state.merge_refused;
  if (refused?.op === op) {
    throw new RasenError(refused.kind as ErrorKind, refused.message, {
      ...(refused.hint ? { hint: refused.hint } : {}),
      data: refused.data,
    });
  }
  return registry.viewOf(entry);
};
