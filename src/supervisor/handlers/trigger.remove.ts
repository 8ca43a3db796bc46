/** Answers `trigger.remove`. */
import type { Handler } from './define.ts';

export const triggerRemove: Handler<'trigger.remove'> = async ({ trigger }, { triggers, trigger_reader }) =>
  trigger_reader.viewOf(await triggers.remove(trigger));
