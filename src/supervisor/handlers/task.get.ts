/** Answers `task.get`. */
import type { Handler, Reading } from './define.ts';

export const taskGet: Handler<'task.get', Reading> = ({ task }, { reader }) => reader.view(task);
