/** Answers `task.plan`. */
import type { Handler, Reading } from './define.ts';

export const taskPlan: Handler<'task.plan', Reading> = ({ task }, { reader }) => reader.plan(task);
