/**
 * What `codex app-server` says while it is spoken with (dialogue.ts): JSON-RPC in lines, of which this reader takes
 * the server's side. Seen with 0.169.0. What to know:
 *
 * - Usage is told after each call, as the sum of the thread; the same sum comes again when a call failed, and that of
 *   earlier processes when a thread is gone on with. So the growth of the sum counts.
 * - Errors have a class of their own, and windows of usage say when they end.
 * - Sessions that it starts for parts of the work are threads of their own: their tokens count, their turns do not.
 */
import type { AgentOutcome, Usage } from '../agent.ts';
import { outcomeOfStatus } from '../http-status.ts';
import { count, type Json, number, object, text } from '../json.ts';
import { ANSWER, type Seen } from '../stream.ts';

/** What is known of a session, whichever way codex was started. */
export interface CodexSession {
  turn: 'none' | 'open' | 'completed' | 'failed' | 'interrupted';
  /** Until something goes on. */
  failure: Failure | null;
  usage: Usage | null;
}

export interface Failure {
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

/** Tools, by the type of their items. */
const TOOLS = [
  'commandExecution',
  'fileChange',
  'mcpToolCall',
  'dynamicToolCall',
  'collabAgentToolCall',
  'webSearch',
  'imageGeneration',
];
const OTHER_ITEMS = [
  'userMessage',
  'hookPrompt',
  'functionCallOutput',
  'plan',
  'subAgentActivity',
  'imageView',
  'sleep',
  'enteredReviewMode',
  'exitedReviewMode',
];
/** Known, and nothing follows from them. */
const NOTHING = [
  'configWarning',
  'deprecationNotice',
  'guardianWarning',
  'warning',
  'remoteControl/status/changed',
  'account/updated',
  'skills/changed',
  'app/list/updated',
  'hook/started',
  'hook/completed',
  'model/rerouted',
  'model/verification',
  'modelProvider/authRecoveryStarted',
  'modelProvider/authRecoveryCompleted',
  'mcpServer/startupStatus/updated',
  'item/commandExecution/outputDelta',
  'item/commandExecution/terminalInteraction',
  'item/fileChange/outputDelta',
  'item/fileChange/patchUpdated',
  'item/mcpToolCall/progress',
  'item/reasoning/summaryPartAdded',
  'serverRequest/resolved',
  'thread/status/changed',
  'thread/name/updated',
  'thread/settings/updated',
  'thread/goal/updated',
  'thread/goal/cleared',
  'thread/queue/changed',
  'thread/compacted',
  'thread/readState/changed',
  'thread/closed',
  'thread/environment/connected',
  'turn/diff/updated',
  'turn/plan/updated',
  'turn/moderationMetadata',
];
/** Parts of an answer of the model's. */
const ANSWERS = [
  'server/item/agentMessage/delta',
  'server/item/plan/delta',
  'server/item/reasoning/summaryTextDelta',
  'server/item/reasoning/textDelta',
  'item/started/reasoning',
  'item/completed/reasoning',
];
/** What it asks; the session program has refused it (dialogue.ts). */
const REQUESTS = [
  'item/commandExecution/requestApproval',
  'item/fileChange/requestApproval',
  'item/permissions/requestApproval',
  'item/tool/requestUserInput',
  'item/tool/call',
  'mcpServer/elicitation/request',
];

/** Name of an event; the types of items come after it. `error` is also an event of `codex exec`. */
export function serverEventName(event: Json, type: string): string | null {
  if (type === ANSWER) return ANSWER;
  if (text(event.method) === null) return null;
  const item = /^item\/(?:started|completed)$/.test(type);
  return item ? `${type}/${text(object(object(event.params)?.item)?.type) ?? ''}` : `server/${type}`;
}

type Handlers = Record<string, (event: Json) => void>;

export function serverEvents(seen: Seen, session: CodexSession, meter: ServerMeter): Handlers {
  let thread: string | null = null;
  const params = (event: Json) => object(event.params);
  /** Of the session itself, and not of one that it started. */
  const isOwn = (event: Json) => thread === null || params(event)?.threadId === thread;
  const nothing = () => {};

  const progress = (event: Json) => {
    seen.heard = true;
    if (isOwn(event)) session.failure = null;
  };
  const began = (event: Json) => {
    const item = object(params(event)?.item);
    progress(event);
    seen.toolBegan(item?.id, item?.type, [item?.command, item?.changes, item?.tool, item?.arguments]);
  };
  const ended = (event: Json) => {
    const item = object(params(event)?.item);
    seen.toolEnded(item?.id, [item?.status, item?.exitCode, item?.aggregatedOutput, item?.result]);
    if (item?.status === 'declined') seen.deny(item?.tool ?? item?.type);
  };
  const message = (event: Json) => {
    progress(event);
    const words = text(object(params(event)?.item)?.text);
    if (words !== null && isOwn(event)) seen.message(words);
  };

  return {
    [ANSWER]: event => {
      const error = object(event.error);
      const id = text(object(object(event.result)?.thread)?.id);
      if (id !== null) {
        thread ??= id;
        seen.session(id);
      }
      // Later ones are of notes, which have another way to be told.
      if (error !== null && session.turn === 'none')
        session.failure = {
          message: text(error.message) ?? 'it refused to begin',
          outcome: refusalOf(error),
        };
    },
    'server/thread/started': nothing,
    'server/turn/started': event => {
      if (!isOwn(event)) return;
      session.turn = 'open';
      session.failure = null;
      seen.through = false;
    },
    'server/turn/completed': event => {
      if (!isOwn(event)) return;
      const turn = object(params(event)?.turn);
      const status = text(turn?.status);
      session.turn = status === 'completed' || status === 'interrupted' ? status : 'failed';
      session.failure =
        session.turn === 'failed' ? (failureOf(object(turn?.error)) ?? session.failure) : null;
      seen.through = true;
      seen.toolsOver();
    },
    'server/error': event => {
      if (isOwn(event)) session.failure = failureOf(object(params(event)?.error)) ?? session.failure;
    },
    'server/thread/tokenUsage/updated': event => {
      const { threadId, tokenUsage } = params(event) ?? {};
      meter.told(text(threadId) ?? '', object(tokenUsage), session.turn !== 'none');
      session.usage = meter.usage;
    },
    'server/account/rateLimits/updated': event => meter.limits(object(params(event)?.rateLimits)),
    'item/started/agentMessage': progress,
    'item/completed/agentMessage': message,
    'item/started/contextCompaction': nothing,
    'item/completed/contextCompaction': () => seen.again('shortens', 'the conversation'),
    ...each(TOOLS, type => ({ [`item/started/${type}`]: began, [`item/completed/${type}`]: ended })),
    ...each(OTHER_ITEMS, type => ({
      [`item/started/${type}`]: nothing,
      [`item/completed/${type}`]: nothing,
    })),
    ...each(NOTHING, name => ({ [`server/${name}`]: nothing })),
    ...each(ANSWERS, name => ({
      [name]: () => {
        seen.heard = true;
      },
    })),
    ...each(REQUESTS, name => ({
      [`server/${name}`]: event => seen.deny(params(event)?.command ?? params(event)?.tool ?? name),
    })),
  };
}

const each = (names: readonly string[], rows: (name: string) => Handlers): Handlers =>
  Object.assign({}, ...names.map(rows));

/** Why it does not begin, where that is plain. */
function refusalOf(error: Json): AgentOutcome | null {
  if (error.code === OVERLOADED) return 'overloaded';
  return NO_THREAD.test(text(error.message) ?? '') ? 'session_lost' : null;
}

function failureOf(error: Json | null): Failure | null {
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
