/** Answers `trigger.create`. */
import { checkedDefinition } from '../triggers/checked-definition.ts';
import type { Handler } from './define.ts';

export const triggerCreate: Handler<'trigger.create'> = ({ id, definition, env }, supervisor) => {
  const { assertStays, triggers, trigger_reader } = supervisor;
  assertStays();
  const known = triggers.all().find(state => state.id === id);
  const { created, state } = known
    ? { created: false, state: known }
    : triggers.create(id, checkedDefinition(definition, env), env);
  return { created, trigger: trigger_reader.fullOf(state) };
};
