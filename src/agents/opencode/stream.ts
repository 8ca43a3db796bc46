/** The stream of OpenCode (`run --format json`) as events. A tool is told of when it is over. */
import { object, text } from '../json.ts';
import { nameOf, unknownEvent } from '../read-line.ts';
import type { ReadEvent, SessionEvent } from '../session-event.ts';

const ANSWERS: SessionEvent = { kind: 'answers', goes_on: true };

export const readOpencode: ReadEvent = event => {
  const session: SessionEvent = { kind: 'session', id: event.sessionID, model: null, opened: false };
  const part = object(event.part) ?? {};
  switch (event.type) {
    case 'step_start':
      return [session, ANSWERS, { kind: 'turn' }];
    case 'text': {
      const words = text(part.text);
      return [session, ANSWERS, ...(words === null ? [] : [{ kind: 'said', text: words } as const])];
    }
    case 'reasoning':
      return [session, ANSWERS];
    case 'tool_use': {
      const { callID: id, tool: name } = part;
      const state = object(part.state);
      const input = state?.input;
      const failed = state?.status === 'error' ? `tool failed: ${text(state.error) ?? ''}` : null;
      return [
        ...[session, ANSWERS],
        { kind: 'tool', id, name, input, shown: { name, on: input } },
        { kind: 'tool_over', id, answer: state?.output ?? state?.error, failed },
      ];
    }
    case 'step_finish': {
      const how = text(part.reason);
      return [
        ...[session, ANSWERS],
        { kind: 'usage', of: 'call', said: part },
        { kind: 'over', how, failed: false, words: null, said: part },
      ];
    }
    case 'error': {
      const error = object(event.error);
      const words = text(object(error?.data)?.message) ?? text(error?.message) ?? text(error?.name) ?? '';
      return [session, { kind: 'failed', words, said: error }];
    }
    default:
      return unknownEvent(nameOf(event));
  }
};
