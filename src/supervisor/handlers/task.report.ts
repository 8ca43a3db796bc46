/** Answers `task.report`. */
import type { Handler, Reading } from './define.ts';

export const taskReport: Handler<'task.report', Reading> = (params, { reader }) => reader.report(params);
