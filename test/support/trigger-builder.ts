/** Definitions and states of triggers for tests. */

import { type Definition, definition, type When } from '../../src/contract/trigger.ts';
import { commandSpec } from './instance.ts';

export function aDefinition(when: When, policy: Record<string, unknown> = {}): Definition {
  return definition.parse({
    name: 'test',
    when,
    policy: { tz: 'UTC', ...policy },
    task: commandSpec(['true'], '/'),
  });
}
