/** Answers `trigger.log`. */
import type { Handler, Reading } from './define.ts';

export const triggerLog: Handler<'trigger.log', Reading> = ({ trigger, limit }, { trigger_reader }) =>
  trigger_reader.log(trigger, limit);
