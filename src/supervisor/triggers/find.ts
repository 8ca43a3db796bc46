/** The trigger that somebody means: by name, id, or the end of an id. */
import { RasenError } from '../../contract/errors.ts';
import type { TriggerState } from '../../triggers/state.ts';

/** Of an id; shorter ends may fit many. */
const MIN_PART = 4;

/** Throws `trigger_unknown`. */
export function findTrigger(states: readonly TriggerState[], ref: string): TriggerState {
  const exact = states.find(({ id, definition }) => definition.name === ref || id === ref);
  if (exact) return exact;
  const parts = ref.length < MIN_PART ? [] : states.filter(({ id }) => id.endsWith(ref.toLowerCase()));
  if (parts.length === 1) return parts[0]!;
  throw new RasenError('trigger_unknown', `There is no trigger "${ref}".`, {
    hint: 'See: rasen trigger list',
  });
}
