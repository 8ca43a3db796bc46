/** Answers `trigger.next`. */
import type { Handler, Reading } from './define.ts';

export const triggerNext: Handler<'trigger.next', Reading> = ({ trigger, count }, { trigger_reader }) =>
  trigger_reader.next(trigger, count);
