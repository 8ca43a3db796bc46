/** What an error of Codex's means for a session: by the class that the app-server has for it, else by its words. */
import type { AgentOutcome } from '../agent.ts';
import { outcomeOfStatus } from '../http-status.ts';
import { type Json, number, object, text } from '../json.ts';

export interface CodexFailure {
  message: string;
  /** Where the program has a class for it. */
  outcome: AgentOutcome | null;
}

/** `codexErrorInfo`, where it is a word. */
const BY_WORD: Readonly<Record<string, AgentOutcome>> = {
  contextWindowExceeded: 'context',
  sessionBudgetExceeded: 'budget',
  usageLimitExceeded: 'limit',
  rateLimitExceeded: 'limit',
  serverOverloaded: 'overloaded',
  flexUnavailable: 'overloaded',
  policyCapacityUnavailable: 'overloaded',
  internalServerError: 'overloaded',
  unauthorized: 'auth',
  modelNotFound: 'startup',
  badRequest: 'failed',
  cyberPolicy: 'failed',
  misalignmentPolicyViolation: 'failed',
  inferenceHookDenied: 'failed',
  tooManyDenials: 'asked',
  sandboxError: 'failed',
};
/** Where it is an object with the status of an answer, or none because there was no answer. */
const CONNECTIONS = [
  'httpConnectionFailed',
  'responseStreamConnectionFailed',
  'responseStreamDisconnected',
  'responseTooManyFailedAttempts',
];
const OVERLOADED = -32001;
/** Of a thread that it should go on with: it is not there, or another process works in it. */
const NO_THREAD = /\bno rollout found\b|\balready has an active writer\b/;

/** What its error messages begin with, and what that is; the first that fits. */
const BY_MESSAGE: readonly { message: RegExp; outcome: AgentOutcome }[] = [
  { message: /^You[’']ve hit your usage limit\b/, outcome: 'limit' },
  { message: /^exceeded retry limit, last status: 429\b/, outcome: 'limit' },
  { message: /^rate limit exceeded\b/i, outcome: 'limit' },
  { message: /^Selected model is at capacity\b/, outcome: 'overloaded' },
  { message: /^Codex ran out of room in the model[’']s context window\b/, outcome: 'context' },
  { message: /^Missing environment variable\b/, outcome: 'auth' },
  { message: /^Quota exceeded\b/, outcome: 'auth' },
  { message: /^stream disconnected before completion\b/, outcome: 'network' },
  {
    message:
      /^(?:error sending request|connection failed|network error|timeout waiting|waiting for network)\b/i,
    outcome: 'network',
  },
];
const STATUS = /^(?:unexpected status|exceeded retry limit, last status:) (\d{3})\b/;
/** An attempt of its own to go on; what stands in brackets is the error. */
const RECONNECTING = /^Reconnecting\.{3} \d+\/\d+ \((.*)\)$/s;
/** Why it does not begin, where that is plain. */
export function refusalOf(error: Json): AgentOutcome | null {
  if (error.code === OVERLOADED) return 'overloaded';
  return NO_THREAD.test(text(error.message) ?? '') ? 'session_lost' : null;
}

export function failureOf(error: Json | null): CodexFailure | null {
  const message = text(error?.message);
  if (message === null) return null;
  const info = error?.codexErrorInfo;
  const details = text(error?.additionalDetails);
  return { message: details === null ? message : `${message} (${details})`, outcome: outcomeOfInfo(info) };
}

/** `codexErrorInfo`: a word, or an object with one; null: it says nothing that is known. */
export function outcomeOfInfo(info: unknown): AgentOutcome | null {
  if (typeof info === 'string') return Object.hasOwn(BY_WORD, info) ? BY_WORD[info]! : null;
  const connection = CONNECTIONS.find(name => object(info)?.[name] !== undefined);
  if (connection === undefined) return null;
  const status = number(object(object(info)?.[connection])?.httpStatusCode);
  return status === null ? 'network' : outcomeOfStatus(status);
}

/** The class that the program has for it is stronger than its words. */
export function outcomeOfFailure({ message, outcome }: CodexFailure): {
  outcome: AgentOutcome;
  detail: string;
} {
  const inner = (RECONNECTING.exec(message)?.[1] ?? message).trim();
  const status = Number(STATUS.exec(inner)?.[1] ?? Number.NaN);
  const known = BY_MESSAGE.find(({ message: pattern }) => pattern.test(inner));
  const said = known?.outcome ?? (Number.isNaN(status) ? 'failed' : outcomeOfStatus(status));
  return { outcome: outcome ?? said, detail: inner };
}
