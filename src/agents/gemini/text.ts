/** The stream of gemini (`--output-format stream-json`) as entries. Pure. */
import { object, text } from '../../util/json.ts';
import {
  chunk,
  failed,
  joined,
  note,
  type ReadEvent,
  said,
  tool,
  usageText,
} from '../../views/session/words.ts';

export const readGemini: ReadEvent = event => {
  switch (event.type) {
    case 'init':
      return note(event, `session ${joined(text(event.session_id), text(event.model))}`);
    case 'message':
      // What the user said is the prompt.
      if (event.role !== 'assistant') return [];
      return event.delta === true ? chunk(event, event.content) : said(event, event.content);
    case 'tool_use':
      return tool(event, event.tool_name, event.parameters);
    case 'tool_result': {
      if (event.status === 'success') return [];
      return failed(event, `tool failed: ${text(object(event.error)?.message) ?? text(event.output) ?? ''}`);
    }
    case 'error':
      return failed(event, joined(text(event.severity), text(event.message)));
    case 'result': {
      const stats = object(event.stats);
      const facts = joined(text(event.status), usageText(stats?.input_tokens, stats?.output_tokens));
      const why = text(object(event.error)?.message);
      return event.status === 'success'
        ? note(event, `session over: ${facts}`)
        : failed(event, `session over: ${facts}${why === null ? '' : `: ${why}`}`);
    }
    default:
      return null;
  }
};
