/** Words for people, as the readers of agents put them together. */
import { list, object, text } from './json.ts';

/** What an answer of a tool says first; content comes as text or as parts. */
export function answerText(content: unknown): string {
  if (typeof content === 'string') return content;
  return list(content)
    .map(part => text(object(part)?.text) ?? '')
    .join(' ');
}

/** As far as they are numbers. */
export function usageText(input: unknown, output: unknown): string | null {
  return typeof input === 'number' && typeof output === 'number'
    ? `${input} tokens read, ${output} written`
    : null;
}

export const dollars = (usd: unknown): string | null =>
  typeof usd === 'number' && Number.isFinite(usd) ? `$${usd.toFixed(2)}` : null;

export const joined = (...parts: (string | null)[]): string => parts.filter(part => part !== null).join(', ');
