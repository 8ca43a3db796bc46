/** Masks of tests that have nothing to hide. */
import { Mask } from '../../src/secrets/mask.ts';
import type { Masks } from '../../src/supervisor/masks.ts';

const NOTHING = new Mask([]);

export const NO_MASKS = {
  learn: () => {},
  adopt: () => {},
  of: async () => NOTHING,
  now: () => NOTHING,
} as unknown as Masks;
