/** Answers `trigger.resume`. */
import type { Handler } from './define.ts';

export const triggerResume: Handler<'trigger.resume'> = async ({ trigger }, { triggers, trigger_reader }) =>
  trigger_reader.viewOf(await triggers.resume(trigger));
