/** What a session used, as OpenCode tells it while it works and keeps it. */
import type { Usage } from '../agent.ts';
import { amount, count, type Json, list, number, object, text } from '../json.ts';
import { parsed } from './error.ts';

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

/** Of each call of the model; what came from a cache is not in `input`, and thinking is not in `output`. */
export function addStep(before: Usage | null, step: Json | null): Usage | null {
  const tokens = object(step?.tokens);
  if (tokens === null) return before;
  const cache = object(tokens.cache);
  const cost = amount(step?.cost);
  return {
    input_tokens:
      (before?.input_tokens ?? 0) + count(tokens.input) + count(cache?.read) + count(cache?.write),
    cached_input_tokens: (before?.cached_input_tokens ?? 0) + count(cache?.read),
    output_tokens: (before?.output_tokens ?? 0) + count(tokens.output) + count(tokens.reasoning),
    cost_usd: cost === null && before === null ? null : (before?.cost_usd ?? 0) + (cost ?? 0),
    partial: true,
  };
}
