/** What an error of OpenCode's means for a session; it says the same over its own stream and over ACP. */
import type { AgentOutcome } from '../agent.ts';
import { outcomeOfStatus } from '../http-status.ts';
import { type Json, list, number, object, text } from '../json.ts';
import type { KeptFailure } from '../session-lines.ts';

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

/**
 * The error with which the last turn of a session ended, in what `opencode export` prints; null: there is none, or it
 * cannot be read. Its headers and the server's whole answer, which can hold secrets, are left out.
 * @param since when the turn began, in ms since 1970: errors of earlier turns are kept as well.
 */
export function keptFailure(exported: string, since: number): KeptFailure | null {
  const last = object(object(list(parsed(exported)?.messages).at(-1))?.info);
  const error = object(last?.error);
  const name = text(error?.name);
  if (name === null || (number(object(last?.time)?.created) ?? 0) < since) return null;
  const data = object(error?.data);
  return {
    name,
    data: {
      message: text(data?.message),
      statusCode: number(data?.statusCode),
      isRetryable: data?.isRetryable === true,
    },
  };
}

/** What `opencode export` printed. */
export function parsed(exported: string): Json | null {
  try {
    return object(JSON.parse(exported));
  } catch {
    return null;
  }
}
