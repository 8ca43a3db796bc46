/** What an ACP session used: tokens of the turns that are over, and the cost that it tells as a sum over the session. */
import type { Usage } from '../agent.ts';
import { amount, count, type Json, object } from '../json.ts';

/** They tell the tokens of a turn's last call only. */
const LAST_CALL_ONLY = ['OpenCode'];

export class AcpUsage {
  #tokens: Usage | null = null;
  /** All of it, as the program keeps it. */
  #kept: Usage | null = null;
  #last_call_only = false;
  /** Cost of the session before this process; null: it was not told. */
  #before_usd: number | null = 0;
  #cost_usd: number | null = null;
  #begun = false;

  agent(name: string | null): void {
    this.#last_call_only = name !== null && LAST_CALL_ONLY.includes(name);
  }

  resumes(): void {
    this.#before_usd = null;
  }

  /** The first prompt is given. */
  begins(): void {
    this.#begun = true;
  }

  cost(update: Json): void {
    const cost = object(update.cost);
    const usd = amount(cost?.amount);
    if (usd === null || cost?.currency !== 'USD') return;
    if (this.#begun) this.#cost_usd = usd;
    else this.#before_usd = usd;
  }

  turn(result: Json): void {
    const tokens = object(result.usage) ?? quotaOf(result);
    if (tokens === null) return;
    const cached = count(tokens.cachedReadTokens);
    const input = count(tokens.inputTokens ?? tokens.input_tokens) + cached + count(tokens.cachedWriteTokens);
    // Thinking is a part of the output for some and beside it for others; the sum has it once.
    const output = Math.max(
      count(tokens.outputTokens ?? tokens.output_tokens),
      count(tokens.totalTokens) - input,
    );
    this.#tokens = {
      input_tokens: (this.#tokens?.input_tokens ?? 0) + input,
      cached_input_tokens: (this.#tokens?.cached_input_tokens ?? 0) + cached,
      output_tokens: (this.#tokens?.output_tokens ?? 0) + output,
      cost_usd: null,
      partial: false,
    };
  }

  /** In the form of `rasen/used`. */
  kept(used: Json): void {
    this.#kept = {
      input_tokens: count(used.input_tokens),
      cached_input_tokens: count(used.cached_input_tokens),
      output_tokens: count(used.output_tokens),
      cost_usd: amount(used.cost_usd),
      partial: used.partial === true,
    };
  }

  /** @param cut a turn was cut off, whose tokens nobody told. */
  sum(cut: boolean): Usage | null {
    if (this.#kept !== null) return { ...this.#kept, partial: cut || this.#kept.partial };
    const { cost_usd } = this;
    if (this.#tokens === null && cost_usd === null) return null;
    const none = { input_tokens: 0, cached_input_tokens: 0, output_tokens: 0 };
    return { ...none, ...this.#tokens, cost_usd, partial: cut || this.#last_call_only };
  }

  /** Of this process; null: it is not known. */
  get cost_usd(): number | null {
    if (this.#cost_usd === null || this.#before_usd === null) return null;
    // A sum that is less than before was begun anew.
    const spent = this.#cost_usd - this.#before_usd;
    return spent < 0 ? this.#cost_usd : spent;
  }
}

/** An addition of some programs to the protocol. */
function quotaOf(result: Json): Json | null {
  return object(object(object(result._meta)?.quota)?.token_count);
}
