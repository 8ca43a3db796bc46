/** What a process of Claude Code used so far: from its results, and from the answers that no result has counted yet. */
import type { Usage } from './agent.ts';
import { count, type Json, number, object, text } from './json.ts';

type Sum = Omit<Usage, 'partial'>;

/** Adds up what a process used: what its results say, and for the end that has none what its answers did. */
export class Meter {
  #sum: Sum | null = null;
  /** Answers since the last result, by message id: a message comes in several events. */
  readonly #open = new Map<string, { input: number; cached: number; output: number }>();

  answer(message: Json | null): void {
    const id = text(message?.id);
    const usage = object(message?.usage);
    if (id === null || usage === null) return;
    const cached = count(usage.cache_read_input_tokens);
    const input = count(usage.input_tokens) + cached + count(usage.cache_creation_input_tokens);
    this.#open.set(id, { input, cached, output: this.#open.get(id)?.output ?? 0 });
  }

  /** The end of a streamed answer knows how much it was. */
  part(event: Json): void {
    const inner = object(event.event);
    const open = this.#open.get(text(event.api_message_id) ?? '');
    if (open && inner?.type === 'message_delta') open.output = count(object(inner.usage)?.output_tokens);
  }

  result(event: Json): void {
    this.#open.clear();
    const since = object(event.model_usage_since_last_result);
    const total = object(event.modelUsage);
    // A version that says the sum alone.
    if (since === null && total !== null) this.#sum = null;
    const models = since ?? total ?? {};
    for (const usage of Object.values(models).map(object)) {
      const cached = count(usage?.cacheReadInputTokens);
      this.#add({
        input_tokens: count(usage?.inputTokens) + cached + count(usage?.cacheCreationInputTokens),
        cached_input_tokens: cached,
        output_tokens: count(usage?.outputTokens),
        cost_usd: number(usage?.costUSD),
      });
    }
  }

  usage(ended: boolean): Usage | null {
    let sum = this.#sum;
    for (const { input, cached, output } of this.#open.values()) {
      const open = {
        input_tokens: input,
        cached_input_tokens: cached,
        output_tokens: output,
        cost_usd: null,
      };
      sum = plus(sum, open);
    }
    return sum === null ? null : { ...sum, partial: this.#open.size > 0 || !ended };
  }

  #add(more: Sum): void {
    this.#sum = plus(this.#sum, more);
  }
}

function plus(sum: Sum | null, more: Sum): Sum {
  if (sum === null) return more;
  return {
    input_tokens: sum.input_tokens + more.input_tokens,
    cached_input_tokens: sum.cached_input_tokens + more.cached_input_tokens,
    output_tokens: sum.output_tokens + more.output_tokens,
    cost_usd: more.cost_usd === null ? sum.cost_usd : (sum.cost_usd ?? 0) + more.cost_usd,
  };
}
