/**
 * What an agent says over the Agent Client Protocol, as events. A response does not say what it answers; what people see
 * of it is told by its shape.
 */
import { type Json, list, object, text } from '../json.ts';
import { nameOf, unknownEvent } from '../read-line.ts';
import type { ReadEvent, SessionEvent, ShownTool } from '../session-event.ts';
import { answerText, joined } from '../words.ts';

/** Requests to the client that nothing follows from: the session program has none of this. */
const SILENT: ReadonlySet<string> = new Set([
  ...['fs/read_text_file', 'fs/write_text_file', 'elicitation/create', 'elicitation/complete'],
  '$/cancel_request',
]);
const SILENT_UPDATES: ReadonlySet<string> = new Set([
  ...['user_message_chunk', 'agent_thought_chunk', 'plan', 'available_commands_update', 'notice'],
  ...['current_mode_update', 'config_option_update', 'session_info_update'],
]);

export const readAcp: ReadEvent = event => {
  const params = object(event.params);
  const method = text(event.method);
  switch (method) {
    case null:
      return event.type === undefined ? response(event) : unknownEvent(nameOf(event));
    case 'session/update':
      return [
        { kind: 'session', id: params?.sessionId, model: null, opened: false },
        ...update(object(params?.update) ?? {}),
      ];
    case 'session/request_permission': {
      const call = object(params?.toolCall);
      const words = `asks to be allowed: ${text(call?.title) ?? 'a tool'}`;
      return [{ kind: 'note', words }, ...(call === null ? [] : toolEvents(call, null, null))];
    }
    default:
      // Additions of a program's own begin with `_`, by the protocol's rule for their names.
      if (SILENT.has(method) || method.startsWith('_')) return [];
      return unknownEvent(method, event.jsonrpc !== undefined);
  }
};

function response(event: Json): SessionEvent[] {
  return [...shownResponse(object(event.result), object(event.error)), { kind: 'response', said: event }];
}

function shownResponse(result: Json | null, error: Json | null): SessionEvent[] {
  if (error !== null) return [{ kind: 'warning', words: text(error.message) ?? JSON.stringify(error) }];
  const id = text(result?.sessionId);
  if (id !== null) return [{ kind: 'session', id, model: null, opened: true }];
  const how = text(result?.stopReason);
  if (result === null || how === null) return [];
  return [{ kind: 'over', how, failed: false, words: `turn over: ${how}`, said: result }];
}

function update(said: Json): SessionEvent[] {
  switch (said.sessionUpdate) {
    case 'agent_message_chunk': {
      const words = object(said.content)?.text;
      if (typeof words !== 'string') return [];
      const message = said.messageId ?? 'one without a name';
      return [{ kind: 'said', text: words, part: true, message }];
    }
    case 'tool_call': {
      // Some programs begin a call before they know what it will be, and name it in an update.
      const name = text(said.title) ?? text(said.name);
      const unnamed = said.status === 'pending' && /…$/.test(name ?? '');
      return toolEvents(said, unnamed ? null : { name, on: said.rawInput }, null);
    }
    case 'tool_call_update': {
      if (said.status === 'failed') {
        const words = answerText(list(said.content).map(part => object(part)?.content));
        return toolEvents(said, null, `tool failed: ${joined(text(said.title), words || null)}`);
      }
      const begins = said.status === undefined && text(said.title) !== null && said.rawInput !== undefined;
      return toolEvents(said, begins ? { name: said.title, on: said.rawInput } : null, null);
    }
    case 'usage_update':
      return [{ kind: 'usage', of: 'session', said }];
    default: {
      const name = text(said.sessionUpdate) ?? '';
      return SILENT_UPDATES.has(name) ? [] : unknownEvent(`update/${name}`, true);
    }
  }
}

/** What is known of a call so far, and its end where this is it. */
function toolEvents(call: Json, shown: ShownTool | null, failed: string | null): SessionEvent[] {
  const id = call.toolCallId;
  const name = text(call.name) ?? text(call.kind) ?? text(call.title);
  const began: SessionEvent = { kind: 'tool', id, name, input: inputOf(call), shown };
  if (call.status !== 'completed' && call.status !== 'failed') return [began];
  return [began, { kind: 'tool_over', id, answer: call.rawOutput ?? call.content, failed }];
}

/** What it is called with; where that is not said, what is shown of it. */
function inputOf(call: Json): unknown {
  const raw = object(call.rawInput);
  if (raw !== null && Object.keys(raw).length > 0) return raw;
  const shown = [text(call.title), ...list(call.locations), ...list(call.content)];
  return call.status === undefined || call.status === 'pending' ? shown : null;
}
