/** Answers `trigger.get`. */
import type { Handler, Reading } from './define.ts';

export const triggerGet: Handler<'trigger.get', Reading> = ({ trigger }, { trigger_reader }) =>
  trigger_reader.get(trigger);
