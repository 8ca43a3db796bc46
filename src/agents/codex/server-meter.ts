/**
 * What sessions with `codex app-server` used. It is told after each call, as the sum of the thread; the same sum comes
 * again when a call failed, and that of earlier processes when a thread is gone on with. So the growth of the sum counts.
 */
import type { Usage } from '../agent.ts';
import { count, type Json, number, object, text } from '../json.ts';

/** Tokens by the growth of the sums of all threads, and the windows of usage. */
export class ServerMeter {
  usage: Usage | null = null;
  readonly #sums = new Map<string, { input: number; cached: number; output: number }>();
  readonly #windows = new Map<string, Json[]>();

  /** @param begun false: a sum of earlier processes. */
  told(thread: string, usage: Json | null, begun: boolean): void {
    const total = sumOf(object(usage?.total));
    const last = sumOf(object(usage?.last));
    const before = this.#sums.get(thread);
    this.#sums.set(thread, total);
    if (!begun) return;
    // A sum that shrank was begun anew.
    const grown = before === undefined || total.input < before.input ? last : minus(total, before);
    this.usage = {
      input_tokens: (this.usage?.input_tokens ?? 0) + grown.input,
      cached_input_tokens: (this.usage?.cached_input_tokens ?? 0) + grown.cached,
      output_tokens: (this.usage?.output_tokens ?? 0) + grown.output,
      cost_usd: null,
      partial: false,
    };
  }

  /** An update that says nothing of its windows leaves them as they were. */
  limits(limits: Json | null): void {
    const windows = [limits?.primary, limits?.secondary].map(object).filter(window => window !== null);
    if (windows.length > 0) this.#windows.set(text(limits?.limitId) ?? '', windows);
  }

  /** All that are reached have to be over. */
  limits_end_ms(): number | null {
    const reached = [...this.#windows.values()].flat().filter(window => count(window.usedPercent) >= 100);
    const ends = reached.map(window => number(window.resetsAt)).filter(end => end !== null);
    return ends.length === 0 ? null : Math.max(...ends) * 1000;
  }
}

type Sum = { input: number; cached: number; output: number };

const sumOf = (tokens: Json | null): Sum => ({
  input: count(tokens?.inputTokens),
  cached: count(tokens?.cachedInputTokens),
  output: count(tokens?.outputTokens),
});

const minus = (total: Sum, before: Sum): Sum => ({
  input: total.input - before.input,
  cached: Math.max(0, total.cached - before.cached),
  output: Math.max(0, total.output - before.output),
});
