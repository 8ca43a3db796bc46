/** What somebody asks for as a trigger, checked before anything is durable. */
import { RasenError } from '../../contract/errors.ts';
import type { Definition, DefinitionDraft } from '../../contract/trigger.ts';
import { DraftProblem, resolveDraft } from '../../triggers/draft.ts';
import { checkOrder } from '../check-spec.ts';

/** Throws `usage` or `config`. `before`: the definition that it replaces. */
export function checkedDefinition(
  draft: DefinitionDraft,
  env: Record<string, string>,
  before: Definition | null = null,
): Definition {
  checkOrder(draft.task, env);
  if (draft.task.stdin !== null) throw new RasenError('usage', 'A run of a trigger has no standard input.');
  try {
    return resolveDraft(draft, Date.now(), before);
  } catch (error) {
    if (!(error instanceof DraftProblem)) throw error;
    throw new RasenError('usage', error.message, { hint: error.hint });
  }
}
