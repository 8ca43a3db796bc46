/** Answers `task.rollback`: when it is made or refused, or waits for the machine. */
import type { TaskState } from '../../engine/state.ts';
import { untilState } from '../wait.ts';
import { askOf, type Handler, throwRefused } from './define.ts';

export const taskRollback: Handler<'task.rollback'> = async (params, supervisor, context) => {
  const { assertStays, commands, registry, flushViews } = supervisor;
  assertStays();
  const { entry, op } = await commands.rollback(params.task, params.subtask, askOf(params, context));
  const over = ({ rollback, status }: TaskState) =>
    !rollback || entry.stuck !== null || status.name === 'waiting';
  const state = await untilState(registry, entry, over, context.signal);
  await flushViews([entry.id]);
  throwRefused(state.rollback_refused, op);
  return registry.viewOf(entry);
};
