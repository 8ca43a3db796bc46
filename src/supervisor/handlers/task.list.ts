/** Answers `task.list`. */
import type { Handler, Reading } from './define.ts';

export const taskList: Handler<'task.list', Reading> = (filter, { reader }) => reader.list(filter);
