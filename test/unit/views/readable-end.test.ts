/** The end of an output as a notice has it: of a session the words alone, never the files that its agent read. */
import { expect, test } from 'vitest';
import { readableEnd } from '../../../src/views/session/readable-end.ts';
import { sessionText } from '../../../src/views/session/session-text.ts';

const lines = (...events: object[]) => events.map(event => JSON.stringify(event)).join('\n');

test('a session: what was said and what a program complained of, no event, no piece of one', () => {
  const output = [
    'DATABASE_URL of a file","x":1}]}}',
    lines(
      { type: 'user', message: { content: [{ type: 'tool_result', content: 'FROM_A_FILE=1' }] } },
      { type: 'assistant', message: { content: [{ type: 'text', text: 'I cannot go on.' }] } },
      { type: 'of a later version', content: 'FROM_A_FILE=2' },
    ),
    'Error: connect ECONNREFUSED',
    '{"type":"assistant","message":{"content":[{"type":"text","text":"FROM_A_FI',
  ].join('\n');
  expect(readableEnd(output, true, sessionText('claude'))).toBe(
    'I cannot go on.\nError: connect ECONNREFUSED',
  );
});

test('a command: its lines, without the rest of one', () => {
  expect(readableEnd('r2hunter2\n{"a": 1}\nred\n', true, null)).toBe('{"a": 1}\nred\n');
  expect(readableEnd('green\nred\n', false, null)).toBe('green\nred\n');
  expect(readableEnd('one long line', true, null)).toBe('one long line');
});
