/** Answers `task.cancel`. */
import { isTerminal } from '../../contract/status.ts';
import type { TaskState } from '../../engine/state.ts';
import { untilState } from '../wait.ts';
import { askOf, type Handler } from './define.ts';

export const taskCancel: Handler<'task.cancel'> = async (
  params,
  { commands, registry, flushViews },
  context,
) => {
  const entry = await commands.want(params.task, 'cancel', params.force, askOf(params, context));
  // What runs at the end takes as long as it takes.
  const isEnding = ({ steps }: TaskState) => steps.some(s => s.kind === 'finally' && s.attempt);
  const isOver = (state: TaskState) => isTerminal(state.status) || isEnding(state);
  await untilState(registry, entry, isOver, context.signal);
  await flushViews([entry.id]);
  return registry.viewOf(entry);
};
