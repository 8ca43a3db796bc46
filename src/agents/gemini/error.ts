/** What the words of Gemini's servers mean for a session, where a status says less; the program hands them on over its own stream and over ACP. */
import type { AgentOutcome } from '../agent.ts';

const BY_WORDS: readonly { words: RegExp; outcome: AgentOutcome }[] = [
  {
    words: /^(?:You have exhausted your|Resource has been exhausted|You exceeded your current quota)\b/,
    outcome: 'limit',
  },
  { words: /^API key (?:not valid|expired|not found)\b/, outcome: 'auth' },
  { words: /^The input token count\b.*\bexceeds the maximum/, outcome: 'context' },
];

export function outcomeOfWords(words: string): AgentOutcome | null {
  return BY_WORDS.find(known => known.words.test(words))?.outcome ?? null;
}
