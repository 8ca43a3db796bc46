/** What the log of the supervisor tells of a trigger. Pure. */
import type { TriggerEvent } from '../../triggers/event.ts';
import { clockText } from '../../views/lines.ts';

/** null: nothing. */
export function logText(event: TriggerEvent): string | null {
  switch (event.type) {
    case 'trigger_created':
      return 'created';
    case 'trigger_paused':
      return `paused: ${event.reason}`;
    case 'trigger_resumed':
      return 'resumed';
    case 'trigger_finished':
      return `finished: ${event.reason}`;
    case 'slot_refused':
      return `slot ${event.slot} could not be started: ${event.reason}`;
    case 'slots_passed':
      return event.outcome === 'missed' ? `${event.count} slots missed: ${event.reason}` : null;
    case 'clock_jumped':
      return `${clockText(event.ms, event.slept_ms)}; what waits for a while waits on as long as was meant`;
    case 'clock_set_back':
      return 'the clock was set back; times that come again are new slots';
    default:
      return null;
  }
}
