/** Answers `trigger.list`. */
import type { Handler, Reading } from './define.ts';

export const triggerList: Handler<'trigger.list', Reading> = (params, { trigger_reader }) =>
  trigger_reader.list(params);
