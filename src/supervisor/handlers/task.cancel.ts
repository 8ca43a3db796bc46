/** Answers `task.cancel`. */
import { isTerminal } from '../../contract/status.ts';
import { untilState } from '../wait.ts';
import { askOf, type Handler } from './define.ts';

export const taskCancel: Handler<'task.cancel'> = async (
  params,
  { commands, registry, flushViews },
  context,
) => {
  const entry = await commands.want(params.task, 'cancel', params.force, askOf(params, context));
  await untilState(registry, entry, state => isTerminal(state.status), context.signal);
  await flushViews([entry.id]);
  return registry.viewOf(entry);
};
