/** Answers `trigger.pause`. */
import type { Handler } from './define.ts';

export const triggerPause: Handler<'trigger.pause'> = async ({ trigger }, { triggers, trigger_reader }) =>
  trigger_reader.viewOf(await triggers.pause(trigger));
