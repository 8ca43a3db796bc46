/** What a session used, as OpenCode keeps it. */
import type { Usage } from './agent.ts';
import { list, number, object, text } from './json.ts';
import { addStep } from './opencode.ts';
import { parsed } from './opencode-error.ts';

/** Title of a session for which no model was asked for one: what that used is kept nowhere. */
const NO_TITLE = /^(?:New|Child) session - /;

/**
 * What the calls used that are in what `opencode export` prints of a session; null: there is none, or it cannot be read.
 * @param since when this process began, in ms since 1970: what an earlier one used is kept as well.
 */
export function keptUsage(exported: string, since: number): Usage | null {
  const kept = parsed(exported);
  const steps = list(kept?.messages)
    .map(object)
    .filter(message => (number(object(object(message?.info)?.time)?.created) ?? 0) >= since)
    .flatMap(message => list(message?.parts).map(object))
    .filter(part => part?.type === 'step-finish');
  const used = steps.reduce(addStep, null);
  return used && { ...used, partial: !NO_TITLE.test(text(object(kept?.info)?.title) ?? '') };
}
