/** Answers `trigger.fire`. */
import type { Handler } from './define.ts';

export const triggerFire: Handler<'trigger.fire'> = async ({ trigger, op }, { triggers }, { signal }) => {
  const { slot, receipt, again } = await triggers.fire(trigger, op, signal);
  return { slot, receipt: receipt && { ...receipt }, again };
};
