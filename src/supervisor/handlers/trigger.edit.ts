/** Answers `trigger.edit`. */
import { checkedDefinition } from '../triggers/checked-definition.ts';
import type { Handler } from './define.ts';

export const triggerEdit: Handler<'trigger.edit'> = async ({ trigger, definition, env }, supervisor) => {
  const { triggers, trigger_reader } = supervisor;
  const before = triggers.get(trigger).definition;
  const state = await triggers.edit(trigger, checkedDefinition(definition, env ?? {}, before), env);
  return trigger_reader.fullOf(state);
};
