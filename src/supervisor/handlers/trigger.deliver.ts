/** Answers `trigger.deliver`. */
import type { Handler } from './define.ts';

export const triggerDeliver: Handler<'trigger.deliver'> = async (params, { triggers }, { signal }) => {
  const { trigger, key, body } = params;
  const { slot, receipt, again } = await triggers.deliver(trigger, key, body ?? null, signal);
  return { slot, receipt: receipt && { ...receipt }, again };
};
