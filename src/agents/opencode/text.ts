/** The stream of opencode (`run --format json`) as entries; it speaks the Agent Client Protocol, too. Pure. */
import { object, text } from '../../util/json.ts';
import { failed, type ReadEvent, said, tool } from '../../views/session/words.ts';
import { readAcp } from '../acp/text.ts';

export const readOpencode: ReadEvent = event => {
  const part = object(event.part);
  const state = object(part?.state);
  switch (event.type) {
    case 'text':
      return said(event, part?.text);
    case 'tool_use': {
      const used = tool(event, part?.tool, state?.input);
      return state?.status === 'error'
        ? [...used, ...failed(event, `tool failed: ${text(state.error) ?? ''}`)]
        : used;
    }
    case 'error': {
      const error = object(event.error);
      return failed(event, text(object(error?.data)?.message) ?? text(error?.message) ?? text(error?.name));
    }
    case 'step_start':
    case 'step_finish':
    case 'reasoning':
      return [];
    default:
      return readAcp(event);
  }
};
