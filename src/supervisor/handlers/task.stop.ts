/** Answers `task.stop`. */
import { isAtRest } from '../../contract/status.ts';
import { untilState } from '../wait.ts';
import { askOf, type Handler } from './define.ts';

export const taskStop: Handler<'task.stop'> = async (params, { commands, registry, flushViews }, context) => {
  const entry = await commands.want(params.task, 'stop', params.force, askOf(params, context));
  await untilState(registry, entry, s => isAtRest(s.status) || s.want === 'run', context.signal);
  await flushViews([entry.id]);
  return registry.viewOf(entry);
};
