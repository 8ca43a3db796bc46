/** The key of what starts work by itself: `triggers`. */
import { own } from './keys-row.ts';
import { TRIGGERS } from './trigger-type.ts';

export const TRIGGERS_KEYS = {
  triggers: own(
    TRIGGERS,
    {},
    'What starts work by itself, by name; taken over by `rasen trigger apply`, and not before. See TRIGGERS.',
    'none',
  ),
};
