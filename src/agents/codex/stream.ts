/** The streams of Codex as events: those of `codex exec --json` here, those of `codex app-server` in server-stream.ts. */
import { type Json, object, text } from '../json.ts';
import { nameOf, unknownEvent } from '../read-line.ts';
import type { ReadEvent, SessionEvent } from '../session-event.ts';
import { joined, usageText } from '../words.ts';
import { shownAtEnd, shownAtStart } from './items.ts';
import { readNotification, readResponse } from './server-stream.ts';

const TOOLS: ReadonlySet<string> = new Set([
  'command_execution',
  'file_change',
  'mcp_tool_call',
  'web_search',
]);
const OTHER_ITEMS: ReadonlySet<string> = new Set(['agent_message', 'reasoning', 'todo_list']);

export const readCodex: ReadEvent = event => {
  const method = text(event.method);
  if (method !== null) return readNotification(method, object(event.params) ?? {});
  switch (event.type) {
    case undefined:
      return readResponse(event);
    case 'thread.started':
      return [{ kind: 'session', id: event.thread_id, model: null, opened: true }];
    case 'turn.started':
      return [{ kind: 'turn' }];
    case 'turn.completed': {
      const usage = object(event.usage);
      const words = joined('turn over', usageText(usage?.input_tokens, usage?.output_tokens));
      return [
        ...(usage === null ? [] : [{ kind: 'usage', of: 'session', said: usage } as const]),
        { kind: 'over', how: 'completed', failed: false, words, said: event },
      ];
    }
    case 'turn.failed': {
      const words = `turn failed: ${text(object(event.error)?.message) ?? ''}`;
      return [{ kind: 'over', how: 'failed', failed: true, words, said: event }];
    }
    case 'error':
      return [{ kind: 'failed', words: text(event.message) ?? '', said: event }];
    case 'item.started':
    case 'item.updated':
    case 'item.completed':
      return itemOf(event.type, object(event.item) ?? {});
    default:
      return unknownEvent(nameOf(event));
  }
};

function itemOf(how: string, item: Json): SessionEvent[] {
  const type = text(item.type) ?? '';
  const is_over = how === 'item.completed';
  // A warning of its own, such as about a model that it does not know.
  if (type === 'error') return is_over ? [{ kind: 'warning', words: text(item.message) ?? '' }] : [];
  if (TOOLS.has(type)) return how === 'item.updated' ? [ANSWERS] : tool(item, type, is_over);
  if (!OTHER_ITEMS.has(type)) return unknownEvent(`item/${type}`, true);
  const words = is_over && type === 'agent_message' ? text(item.text) : null;
  return words === null ? [ANSWERS] : [{ kind: 'said', text: words }];
}

const ANSWERS: SessionEvent = { kind: 'answers', goes_on: true };

/** Some are told of only at their end. */
function tool(item: Json, type: string, is_over: boolean): SessionEvent[] {
  const { id, type: _type, status: _status, exit_code, aggregated_output, result, error, ...input } = item;
  const began: SessionEvent = {
    kind: 'tool',
    id,
    name: type,
    input,
    shown: is_over ? null : shownAtStart(item),
  };
  if (!is_over) return [began];
  const answer = [exit_code, aggregated_output, result, error];
  return [began, { kind: 'tool_over', id, answer, ...shownAtEnd(item) }];
}
