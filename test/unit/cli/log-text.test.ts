/** Log records as text. */
import { expect, test } from 'vitest';
import { bytesOf, eventLine, LogText } from '../../../src/cli/log-text.ts';
import type { LogRecord } from '../../../src/index.ts';

process.env.TZ = 'UTC';

function record(over: Partial<LogRecord>): LogRecord {
  return {
    kind: 'output',
    t: null,
    level: null,
    subtask: 'build',
    attempt: 1,
    job: 'build/1',
    offset: 0,
    text: '',
    base64: false,
    ...over,
  };
}

test('an event has the form of the seed', () => {
  const event = record({
    kind: 'event',
    t: '2026-01-27T18:45:23.456Z',
    level: 'INFO',
    text: 'Iteration 15/50',
  });
  expect(eventLine(event)).toBe('2026-01-27 18:45:23 - INFO - Iteration 15/50\n');
});

test('output comes in whole lines behind the name of its subtask', () => {
  const text = new LogText();
  expect(text.push(record({ text: 'one\ntw' }))).toBe('[build] one\n');
  expect(text.push(record({ text: 'other\n', job: 'test/1', subtask: 'test' }))).toBe('[test] other\n');
  expect(text.push(record({ text: 'o\n' }))).toBe('[build] two\n');
  expect(text.push(record({ text: 'open' }))).toBe('');
  expect(text.end()).toBe('[build] open\n');
  expect(text.end()).toBe('');
});

test('a character that two records share is put together', () => {
  const text = new LogText();
  const [a, b] = [Buffer.from('ü\n').subarray(0, 1), Buffer.from('ü\n').subarray(1)];
  text.push(record({ text: a.toString('base64'), base64: true }));
  expect(text.push(record({ text: b.toString('base64'), base64: true }))).toBe('[build] ü\n');
});

test('bytes are what they were', () => {
  const bytes = Buffer.from([0, 255, 10, 128]);
  expect(bytesOf(record({ text: bytes.toString('base64'), base64: true })).equals(bytes)).toBe(true);
});

test('a gap ends the open line and is told', () => {
  const text = new LogText();
  text.push(record({ text: 'half' }));
  expect(text.push(record({ kind: 'gap', text: '9 bytes were dropped' }))).toBe(
    '[build] half\n[build] … 9 bytes were dropped\n',
  );
});

test('a line without an end does not grow for ever', () => {
  const text = new LogText();
  expect(text.push(record({ text: 'x'.repeat(70_000) }))).toHaveLength(70_000 + '[build] \n'.length);
  expect(text.end()).toBe('');
});

test('a session of an agent is shown as people read it, or raw', () => {
  const event = {
    type: 'assistant',
    timestamp: '2026-01-27T18:45:23.456Z',
    message: { content: [{ type: 'text', text: 'Hello' }] },
  };
  const lines = `${JSON.stringify(event)}\n{"type":"stream_event"}\nnot JSON`;
  const session = (over: Partial<LogRecord>) => record({ agent: 'claude', ...over });
  const text = new LogText();
  expect(text.push(session({ text: lines.slice(0, 40) }))).toBe('');
  expect(text.push(session({ text: lines.slice(40) }))).toBe('[build] 18:45:23 Hello\n');
  expect(text.end()).toBe('[build] not JSON\n');
  expect(new LogText({ bare: true }).push(session({ text: lines }))).toBe('18:45:23 Hello\n');
  expect(new LogText({ raw: true }).push(session({ text: lines }))).toBe(
    lines
      .split('\n')
      .slice(0, 2)
      .map(line => `[build] ${line}\n`)
      .join(''),
  );
  expect(new LogText().push(session({ agent: 'command', text: '{"type":"result"}\n' }))).toBe(
    '[build] {"type":"result"}\n',
  );
});

test('an event of a session that is longer than any is told with its size, and what comes after it is shown', () => {
  const text = new LogText();
  const session = (words: string) => text.push(record({ agent: 'claude', text: words }));
  const piece = 'x'.repeat(1024 * 1024);
  let shown = session('{"type":"user","message":"');
  for (let i = 0; i < 16; i++) shown += session(piece);
  shown += session('"}\nnot JSON\n');
  expect(shown).toBe('[build] … an event of 16.0 MiB; with --raw it is whole\n[build] not JSON\n');
});
