/** What an error of OpenCode's means for a session; it says the same over its own stream and over ACP. */
import type { AgentOutcome } from './agent.ts';
import { outcomeOfStatus } from './http-status.ts';
import { type Json, number, text } from './json.ts';

const BY_NAME: Readonly<Record<string, AgentOutcome>> = {
  ProviderAuthError: 'auth',
  ContextOverflowError: 'context',
  MessageOutputLengthError: 'context',
  ProviderModelNotFoundError: 'startup',
};

/** How its messages begin where no status stands beside them; the words are its own, or the server's answer. */
const BY_MESSAGE: readonly { message: RegExp; outcome: AgentOutcome }[] = [
  { message: /^(?:Cannot connect to API|Unable to connect|fetch failed)\b/i, outcome: 'network' },
  // An answer that was cut.
  {
    message:
      /^(?:\w*Error: )?(?:terminated\b|.*\bECONNRESET\b|socket hang up|other side closed|The socket connection was closed|JSON parsing failed|Invalid JSON response|Unexpected (?:token|end of JSON)|.*\bnetwork connection was lost)/i,
    outcome: 'network',
  },
  { message: /^(?:invalid|incorrect|missing) api key\b/i, outcome: 'auth' },
  { message: /^(?:unauthorized|forbidden|authentication\b)/i, outcome: 'auth' },
  { message: /^(?:rate limit|too many requests|usage limit|quota exceeded)/i, outcome: 'limit' },
  {
    message:
      /^(?:overloaded|internal server error|service (?:is )?(?:temporarily )?unavailable|bad gateway|gateway timeout)/i,
    outcome: 'overloaded',
  },
  { message: /^(?:prompt is too long|input is too long|context length exceeded)/i, outcome: 'context' },
];

export function outcomeOfMessage(message: string): AgentOutcome | null {
  return BY_MESSAGE.find(known => known.message.test(message))?.outcome ?? null;
}

export function outcomeOfError(name: string | null, data: Json | null): AgentOutcome {
  if (name !== null && Object.hasOwn(BY_NAME, name)) return BY_NAME[name]!;
  const status = number(data?.statusCode);
  const by_status = status === null ? 'failed' : outcomeOfStatus(status);
  if (by_status !== 'failed') return by_status;
  const known = outcomeOfMessage(text(data?.message) ?? '');
  // The program itself takes it for something that passes.
  return known ?? (data?.isRetryable === true ? 'network' : 'failed');
}
