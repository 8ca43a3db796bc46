/** What an agent says over the Agent Client Protocol, as entries. Pure. */
import { type Json, object, text } from '../../util/json.ts';
import {
  answerText,
  chunk,
  type Entry,
  failed,
  joined,
  note,
  type ReadEvent,
  tool,
} from '../../views/session/words.ts';

export const readAcp: ReadEvent = event => {
  const params = object(event.params);
  switch (event.method) {
    case undefined:
      return event.jsonrpc === undefined ? null : answer(event);
    case 'session/update':
      return update(event, object(params?.update) ?? {});
    case 'session/request_permission':
      return note(event, `asks to be allowed: ${text(object(params?.toolCall)?.title) ?? 'a tool'}`);
    default:
      // Requests to the client, and extensions of the program's own.
      return event.jsonrpc === undefined ? null : [];
  }
};

function answer(event: Json): Entry[] {
  const error = object(event.error);
  if (error !== null) return failed(event, text(error.message) ?? JSON.stringify(error));
  const result = object(event.result);
  const session = text(result?.sessionId);
  if (session !== null) return note(event, `session ${session}`);
  const reason = text(result?.stopReason);
  return reason === null ? [] : note(event, `turn over: ${reason}`);
}

function update(event: Json, said: Json): Entry[] {
  switch (said.sessionUpdate) {
    case 'agent_message_chunk':
      return chunk(event, text(object(said.content)?.text) === null ? '' : object(said.content)?.text);
    case 'tool_call': {
      // Some programs begin a call before they know what it will be, and name it in an update.
      const name = text(said.title) ?? text(said.name);
      return said.status === 'pending' && /…$/.test(name ?? '') ? [] : tool(event, name, said.rawInput);
    }
    case 'tool_call_update': {
      if (said.status === 'failed')
        return failed(
          event,
          `tool failed: ${joined(text(said.title), answerText(contentsOf(said.content)) || null)}`,
        );
      const begins = said.status === undefined && text(said.title) !== null && said.rawInput !== undefined;
      return begins ? tool(event, said.title, said.rawInput) : [];
    }
    default:
      return [];
  }
}

const contentsOf = (content: unknown) =>
  Array.isArray(content) ? content.map(part => object(part)?.content) : [];
