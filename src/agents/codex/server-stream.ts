/**
 * What `codex app-server` says while it is spoken with (dialogue.ts), as events: JSON-RPC in lines, of which the server's
 * side is read. Seen with 0.169.0. Sessions that it starts for parts of the work are threads of their own.
 */
import { type Json, object, text } from '../json.ts';
import { unknownEvent } from '../read-line.ts';
import type { SessionEvent } from '../session-event.ts';
import { joined } from '../words.ts';
import { shownAtEnd, shownAtStart } from './items.ts';

/** Tools, by the type of their items. */
const TOOLS: ReadonlySet<string> = new Set([
  ...['commandExecution', 'fileChange', 'mcpToolCall', 'dynamicToolCall', 'collabAgentToolCall'],
  ...['webSearch', 'imageGeneration'],
]);
const OTHER_ITEMS: ReadonlySet<string> = new Set([
  ...['userMessage', 'hookPrompt', 'functionCallOutput', 'plan', 'subAgentActivity', 'imageView'],
  ...['sleep', 'enteredReviewMode', 'exitedReviewMode'],
]);
/** Known, and nothing follows from them. */
const SILENT: ReadonlySet<string> = new Set([
  ...['configWarning', 'deprecationNotice', 'remoteControl/status/changed', 'account/updated'],
  ...['skills/changed', 'app/list/updated', 'hook/started', 'hook/completed', 'model/rerouted'],
  ...['model/verification', 'modelProvider/authRecoveryStarted'],
  ...['modelProvider/authRecoveryCompleted', 'mcpServer/startupStatus/updated'],
  ...['item/commandExecution/outputDelta', 'item/commandExecution/terminalInteraction'],
  ...['item/fileChange/outputDelta', 'item/fileChange/patchUpdated', 'item/mcpToolCall/progress'],
  ...['item/reasoning/summaryPartAdded', 'serverRequest/resolved', 'thread/status/changed'],
  ...['thread/name/updated', 'thread/settings/updated', 'thread/goal/updated', 'thread/goal/cleared'],
  ...['thread/queue/changed', 'thread/compacted', 'thread/readState/changed', 'thread/closed'],
  ...['thread/environment/connected', 'turn/diff/updated', 'turn/plan/updated'],
  ...['turn/moderationMetadata'],
]);
/** Parts of an answer of the model's. */
const ANSWERS: ReadonlySet<string> = new Set([
  ...['item/agentMessage/delta', 'item/plan/delta', 'item/reasoning/summaryTextDelta'],
  ...['item/reasoning/textDelta'],
]);
/** What it asks; the session program has refused it (dialogue.ts). */
const REQUESTS: ReadonlySet<string> = new Set([
  ...['item/commandExecution/requestApproval', 'item/fileChange/requestApproval'],
  ...['item/permissions/requestApproval', 'item/tool/requestUserInput', 'item/tool/call'],
  ...['mcpServer/elicitation/request'],
]);
/** Deltas, counters and states: the whole comes when it is complete. */
const QUIET = /^(?:item|turn|thread|account|remoteControl|mcpServer|windowsSandbox|model|app|skills|fs)\//;

export function readResponse(event: Json): SessionEvent[] {
  const error = object(event.error);
  const id = text(object(object(event.result)?.thread)?.id);
  return [
    ...(id === null ? [] : [{ kind: 'session', id, model: null, opened: false } as const]),
    ...(error === null
      ? []
      : [{ kind: 'warning', words: text(error.message) ?? JSON.stringify(error) } as const]),
    { kind: 'response', said: event },
  ];
}

export function readNotification(method: string, params: Json): SessionEvent[] {
  const thread = params.threadId ?? null;
  switch (method) {
    case 'thread/started':
      // Also one for a part of the work; which session is ours, the response says.
      return [{ kind: 'note', words: `session ${text(object(params.thread)?.id) ?? ''}` }];
    case 'turn/started':
      return [{ kind: 'turn', thread }];
    case 'turn/completed': {
      const turn = object(params.turn) ?? {};
      const how = text(turn.status);
      const error = text(object(turn.error)?.message);
      const failed = error !== null;
      const words = failed ? `turn failed: ${error}` : joined('turn over', how === 'completed' ? null : how);
      return [{ kind: 'over', thread, how, failed, words, said: turn }];
    }
    case 'error': {
      const said = object(params.error);
      return [{ kind: 'failed', thread, words: text(said?.message) ?? text(params.message) ?? '', said }];
    }
    case 'warning':
    case 'guardianWarning':
      return [{ kind: 'warning', words: text(params.message) ?? '' }];
    case 'thread/tokenUsage/updated':
      return [{ kind: 'usage', of: 'thread', said: params }];
    case 'account/rateLimits/updated':
      return [{ kind: 'limit', words: null, said: object(params.rateLimits) }];
    case 'item/started':
      return begun(object(params.item) ?? {}, thread);
    case 'item/completed':
      return ended(object(params.item) ?? {}, thread);
  }
  if (ANSWERS.has(method)) return [{ kind: 'answers', goes_on: false }];
  if (REQUESTS.has(method))
    return [{ kind: 'refused', tool: params.command ?? params.tool ?? method, words: null }];
  return SILENT.has(method) ? [] : unknownEvent(`server/${method}`, QUIET.test(method));
}

function begun(item: Json, thread: unknown): SessionEvent[] {
  const type = text(item.type) ?? '';
  if (TOOLS.has(type)) {
    const input = [item.command, item.changes, item.tool, item.arguments];
    return [{ kind: 'tool', id: item.id, name: type, input, shown: shownAtStart(item), thread }];
  }
  if (type === 'agentMessage') return [{ kind: 'answers', goes_on: true, thread }];
  return other(item, type, 'item/started');
}

function ended(item: Json, thread: unknown): SessionEvent[] {
  const type = text(item.type) ?? '';
  if (TOOLS.has(type)) {
    const answer = [item.status, item.exitCode, item.aggregatedOutput, item.result];
    return [
      { kind: 'tool_over', id: item.id, answer, ...shownAtEnd(item) },
      ...(item.status === 'declined'
        ? [{ kind: 'refused', tool: item.tool ?? item.type, words: null } as const]
        : []),
    ];
  }
  if (type === 'agentMessage') {
    const words = text(item.text);
    return words === null
      ? [{ kind: 'answers', goes_on: true, thread }]
      : [{ kind: 'said', text: words, thread }];
  }
  return type === 'contextCompaction' ? [{ kind: 'shortened' }] : other(item, type, 'item/completed');
}

function other(item: Json, type: string, method: string): SessionEvent[] {
  if (type === 'reasoning') return [{ kind: 'answers', goes_on: false }];
  if (type === 'contextCompaction' || OTHER_ITEMS.has(type)) return [];
  const unknown = unknownEvent(`${method}/${type}`, true);
  return type === 'error' ? [{ kind: 'warning', words: text(item.message) ?? '' }, ...unknown] : unknown;
}
