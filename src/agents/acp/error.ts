/**
 * What an error of an agent over ACP means for a session. The protocol has a word for one class alone (a login that is
 * missing, -32000); programs write others in their own way, and those that are known are read here: structured first,
 * then the beginning of the message. None of them says when a limit ends.
 */
import type { AgentOutcome } from '../agent.ts';
import { outcomeOfInfo } from '../codex/error.ts';
import { outcomeOfWords } from '../gemini/error.ts';
import { outcomeOfStatus } from '../http-status.ts';
import { type Json, number, object, text } from '../json.ts';
import { outcomeOfError, outcomeOfMessage } from '../opencode/error.ts';

export interface AcpFailure {
  outcome: AgentOutcome;
  detail: string;
}

const AUTH_REQUIRED = -32000;
const NOT_FOUND = -32002;
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
const UNSUPPORTED_VERSION = -32022;

/** `data.errorKind` of the bridge for Claude. */
const BY_KIND: Readonly<Record<string, AgentOutcome>> = {
  rate_limit: 'limit',
  overloaded: 'overloaded',
  server_error: 'overloaded',
  authentication_failed: 'auth',
  billing_error: 'auth',
  model_not_found: 'startup',
};

/** Before the words of whoever failed. */
const PREFIX = /^Internal error: /;

export function failureOf(error: Json): AcpFailure {
  const data = object(error.data);
  const said = text(error.message) ?? '';
  const code = number(error.code) ?? 0;
  const inner = object(answerIn(said)?.error);
  const detail =
    text(data?.message) ?? text(data?.details) ?? text(inner?.message) ?? said.replace(PREFIX, '');
  return { outcome: outcomeOf(code, data, detail), detail: detail || `error ${code}` };
}

function outcomeOf(code: number, data: Json | null, words: string): AgentOutcome {
  if (code === AUTH_REQUIRED) return 'auth';
  // Codes of our own making are negative; some programs put the status of the server's answer in their place.
  if (code >= 400 && code < 600) {
    const said = outcomeOfWords(words);
    if (said !== null) return said;
    const outcome = outcomeOfStatus(code);
    return outcome === 'failed' ? (outcomeOfMessage(words) ?? outcome) : outcome;
  }
  const kind = text(data?.errorKind);
  if (kind !== null && Object.hasOwn(BY_KIND, kind)) return BY_KIND[kind]!;
  const codex = outcomeOfInfo(data?.codexErrorInfo);
  if (codex !== null) return codex;
  if ([NOT_FOUND, METHOD_NOT_FOUND, INVALID_PARAMS, UNSUPPORTED_VERSION].includes(code)) return 'startup';
  const name = text(data?.errorName);
  const byName = name === null ? 'failed' : outcomeOfError(name, data);
  return byName === 'failed' ? (outcomeOfMessage(words) ?? 'failed') : byName;
}

/** The server's answer where it stands in the place of a message. */
function answerIn(message: string): Json | null {
  if (!message.startsWith('{')) return null;
  try {
    return object(JSON.parse(message));
  } catch {
    return null;
  }
}
