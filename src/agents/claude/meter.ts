/** What a process of Claude Code used so far: from its results, and from the answers that no result has counted yet. */
import type { Usage } from '../agent.ts';
import { amount, count, type Json, object, text } from '../json.ts';

type Sum = Omit<Usage, 'partial'>;

interface Answer {
  model: string;
  input: number;
  cached: number;
  written_to_cache: number;
  output: number;
}

/**
 * What one token costs against one that is read, the same for all models: with it the cost of a part of a sum is known.
 */
const WEIGHT = { output: 5, cached: 0.1, written_to_cache: 1.25 } as const;

/** Adds up what a process used: what its results say, and for the end that has none what its answers did. */
export class Meter {
  #sum: Sum | null = null;
  /** Answers since the last result, by message id: a message comes in several events. */
  readonly #open = new Map<string, Answer>();
  readonly #resumed: boolean;
  /** By model: what answers of this process used that results have counted, where results say the session's sum. */
  readonly #answered = new Map<string, Answer>();
  /** … and what that sum had before this process. */
  readonly #before = new Map<string, Sum>();

  /** @param resumed an older version counts what the session used before, too. */
  constructor(resumed: boolean) {
    this.#resumed = resumed;
  }

  answer(message: Json | null): void {
    const id = text(message?.id);
    const usage = object(message?.usage);
    if (id === null || usage === null) return;
    const cached = count(usage.cache_read_input_tokens);
    const written_to_cache = count(usage.cache_creation_input_tokens);
    const input = count(usage.input_tokens) + cached + written_to_cache;
    const output = this.#open.get(id)?.output ?? 0;
    this.#open.set(id, { model: text(message?.model) ?? '', input, cached, written_to_cache, output });
  }

  /** The end of a streamed answer knows how much it was. */
  part(event: Json): void {
    const inner = object(event.event);
    const open = this.#open.get(text(event.api_message_id) ?? '');
    if (open && inner?.type === 'message_delta') open.output = count(object(inner.usage)?.output_tokens);
  }

  result(event: Json): void {
    const since = object(event.model_usage_since_last_result);
    const total = object(event.modelUsage);
    // A version that says the sum alone.
    const is_sum = since === null && total !== null;
    if (is_sum) {
      this.#sum = null;
      for (const answer of this.#open.values()) this.#count(answer);
    }
    this.#open.clear();
    for (const [model, usage] of Object.entries(since ?? total ?? {})) {
      const said = sumOf(object(usage));
      this.#add(is_sum && this.#resumed ? minus(said, this.#beforeOf(model, said)) : said);
    }
  }

  #count(answer: Answer): void {
    const before = this.#answered.get(answer.model);
    this.#answered.set(answer.model, before === undefined ? answer : together(before, answer));
  }

  /** Told with the first sum: all of it that no answer of this process used. */
  #beforeOf(model: string, said: SaidSum): Sum {
    const known = this.#before.get(model);
    if (known) return known;
    // A model has another name in its answers where it was asked for by a short one.
    const own = this.#answered.get(model) ?? [...this.#answered.values()].reduce(together, NO_ANSWER);
    const before = {
      input_tokens: Math.max(0, said.input_tokens - own.input),
      cached_input_tokens: Math.max(0, said.cached_input_tokens - own.cached),
      output_tokens: Math.max(0, said.output_tokens - own.output),
      cost_usd: null,
    };
    const whole = weightOf(said.as_answer);
    // A sum without tokens has no part that is known to be of before.
    const share = whole > 0 ? Math.min(1, weightOf(own) / whole) : 1;
    const cost_usd = said.cost_usd === null ? null : said.cost_usd * (1 - share);
    this.#before.set(model, { ...before, cost_usd });
    return this.#before.get(model)!;
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

  #add({ input_tokens, cached_input_tokens, output_tokens, cost_usd }: Sum): void {
    this.#sum = plus(this.#sum, { input_tokens, cached_input_tokens, output_tokens, cost_usd });
  }
}

type SaidSum = Sum & { as_answer: Answer };

function sumOf(usage: Json | null): SaidSum {
  const cached = count(usage?.cacheReadInputTokens);
  const written_to_cache = count(usage?.cacheCreationInputTokens);
  const input = count(usage?.inputTokens) + cached + written_to_cache;
  const output = count(usage?.outputTokens);
  return {
    input_tokens: input,
    cached_input_tokens: cached,
    output_tokens: output,
    cost_usd: amount(usage?.costUSD),
    as_answer: { model: '', input, cached, written_to_cache, output },
  };
}

const NO_ANSWER: Answer = { model: '', input: 0, cached: 0, written_to_cache: 0, output: 0 };

const together = (one: Answer, other: Answer): Answer => ({
  model: other.model,
  input: one.input + other.input,
  cached: one.cached + other.cached,
  written_to_cache: one.written_to_cache + other.written_to_cache,
  output: one.output + other.output,
});

const weightOf = ({ input, cached, written_to_cache, output }: Answer): number =>
  input -
  cached -
  written_to_cache +
  cached * WEIGHT.cached +
  written_to_cache * WEIGHT.written_to_cache +
  output * WEIGHT.output;

const minus = (sum: Sum, before: Sum): Sum => ({
  input_tokens: sum.input_tokens - before.input_tokens,
  cached_input_tokens: sum.cached_input_tokens - before.cached_input_tokens,
  output_tokens: sum.output_tokens - before.output_tokens,
  cost_usd: sum.cost_usd === null ? null : sum.cost_usd - (before.cost_usd ?? 0),
});

function plus(sum: Sum | null, more: Sum): Sum {
  if (sum === null) return more;
  return {
    input_tokens: sum.input_tokens + more.input_tokens,
    cached_input_tokens: sum.cached_input_tokens + more.cached_input_tokens,
    output_tokens: sum.output_tokens + more.output_tokens,
    cost_usd: more.cost_usd === null ? sum.cost_usd : (sum.cost_usd ?? 0) + more.cost_usd,
  };
}
