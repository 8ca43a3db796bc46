/** Answers `task.report`. */
import { report } from '../report.ts';
import type { Handler, Reading } from './define.ts';

export const taskReport: Handler<'task.report', Reading> = (params, { registry }) => report(registry, params);
