/** Of a supervisor whose sessions hand nothing over. */
import type { EffectContext } from '../../src/supervisor/effects/context.ts';

export const NO_DOORS: EffectContext['doors'] = {
  open: async () => null,
  again: async () => {},
  shut: async () => {},
};
