/** The stream of Gemini CLI (`--output-format stream-json`) as events. */
import { object, text } from '../json.ts';
import { nameOf, unknownEvent } from '../read-line.ts';
import type { ReadEvent } from '../session-event.ts';
import { joined, usageText } from '../words.ts';

/** Its messages have no ids: what comes in pieces goes on until something else comes. */
const MESSAGE = 'assistant';

export const readGemini: ReadEvent = event => {
  switch (event.type) {
    case 'init':
      return [{ kind: 'session', id: event.session_id, model: text(event.model), opened: true }];
    case 'message': {
      if (event.role !== MESSAGE) return [{ kind: 'prompt' }];
      const words = typeof event.content === 'string' ? event.content : '';
      return [{ kind: 'said', text: words, part: event.delta === true, message: MESSAGE }];
    }
    case 'tool_use': {
      const { tool_id: id, tool_name: name, parameters: input } = event;
      return [{ kind: 'tool', id, name, input, shown: { name, on: input } }];
    }
    case 'tool_result': {
      const { tool_id: id, status, output, error } = event;
      const why = text(object(error)?.message) ?? text(output) ?? '';
      const failed = status === 'success' ? null : `tool failed: ${why}`;
      return [{ kind: 'tool_over', id, answer: [status, output, error], failed }];
    }
    case 'error':
      return [{ kind: 'failed', words: joined(text(event.severity), text(event.message)), said: event }];
    case 'result': {
      const stats = object(event.stats);
      const how = text(event.status);
      const facts = joined(how, usageText(stats?.input_tokens, stats?.output_tokens));
      const failed = how !== 'success';
      const why = failed ? text(object(event.error)?.message) : null;
      const words = `session over: ${facts}${why === null ? '' : `: ${why}`}`;
      return [{ kind: 'over', how, failed, words, said: event }];
    }
    default:
      return unknownEvent(nameOf(event));
  }
};
