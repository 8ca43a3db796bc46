/** Definitions and states of triggers for tests. */

import { type Definition, definition, type When } from '../../src/contract/trigger.ts';
import { stamp } from '../../src/triggers/advance.ts';
import type { Moment } from '../../src/triggers/event.ts';
import type { TriggerState } from '../../src/triggers/state.ts';
import { ulid } from '../../src/util/ulid.ts';
import { commandSpec } from './instance.ts';

export function aDefinition(when: When, policy: Record<string, unknown> = {}): Definition {
  return definition.parse({
    name: 'test',
    when,
    policy: { tz: 'UTC', ...policy },
    task: commandSpec(['true'], '/'),
  });
}

/** The clocks at a time of day. `set_ms`: what the wall clock was set by since the machine started. */
export const moment = (now_ms: number, set_ms = 0, boot = 'boot'): Moment => ({
  ...{ t: new Date(now_ms).toISOString(), mono: now_ms - set_ms, boot },
});

export function aTrigger(defined: Definition, now_ms: number, id = ulid(now_ms)): TriggerState {
  return stamp(null, [{ type: 'trigger_created', id, definition: defined }], moment(now_ms)).state;
}
