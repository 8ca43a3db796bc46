/** Log lines in the forms of the journal: fields for those who search, a text for those who read. */
import { expect, test } from 'vitest';
import { makeLog } from '../../../../src/log.ts';
import { journalDatagram, journalFields } from '../../../../src/service/runtime/log-journal.ts';
import { prefixedText } from '../../../../src/service/runtime/log-stderr.ts';
import { decodeJournal } from '../../../support/service-manager.ts';

/** The line that the supervisor's log makes of this. */
function logged(level: 'info' | 'warn' | 'error', fields: object, message: string): string {
  const lines: string[] = [];
  makeLog({ write: line => void lines.push(line), reopen: () => {} }, 'debug')[level](fields, message);
  expect(lines).toHaveLength(1);
  return lines[0]!;
}
const entry = (line: string) => Object.fromEntries(decodeJournal(journalDatagram(journalFields(line))));

test('an entry of the journal has our fields, and a text that says them where the message does not', () => {
  const line = logged('warn', { task: 't1', effect: 'launch run', tries: 2 }, 'task t1: no room');
  expect(entry(line)).toEqual({
    MESSAGE: 'task t1: no room effect="launch run" tries=2',
    PRIORITY: '4',
    SYSLOG_IDENTIFIER: 'rasend',
    RASEN_TASK: 't1',
    RASEN_EFFECT: 'launch run',
    RASEN_TRIES: '2',
  });
});

test('levels are priorities', () => {
  const priority = (level: 'info' | 'warn' | 'error') => entry(logged(level, {}, 'x')).PRIORITY;
  expect([priority('info'), priority('warn'), priority('error')]).toEqual(['6', '4', '3']);
});

test('an error is its message, and its stack a field of several lines', () => {
  const error = new TypeError('no such thing');
  const found = entry(logged('error', { task: 't1', error }, `internal error: ${error.message}`));
  expect(found.MESSAGE).toBe('internal error: no such thing task=t1');
  expect(found.RASEN_ERROR).toBe('no such thing');
  expect(found.STACK).toBe(error.stack);
  // The server of the control socket logs a stack alone.
  expect(entry(logged('error', { err: error.stack }, 'a method failed'))).toMatchObject({
    MESSAGE: 'a method failed err="TypeError: no such thing"',
    STACK: error.stack,
  });
});

test('whatever is in a value stays in it', () => {
  const value = 'first\nMESSAGE=forged\n\u0000ü€😀\n';
  const found = entry(logged('info', { 'odd name!': value, nested: { a: [1, 'two\n'] } }, 'two\nlines'));
  expect(found.RASEN_ODD_NAME_).toBe(value);
  expect(found.RASEN_NESTED).toBe('{"a":[1,"two\\n"]}');
  expect(found.MESSAGE!.startsWith('two\nlines ')).toBe(true);
  expect(found).not.toHaveProperty('forged');
});

test('on standard error each line has the priority, since the journal makes an entry of each', () => {
  expect(prefixedText(logged('info', { socket: '/s' }, 'listening'))).toBe('<6>listening socket=/s\n');
  const text = prefixedText(logged('error', { error: new Error('bad\nnews') }, 'went wrong: bad\nnews'));
  expect(text.startsWith('<3>went wrong: bad\n<3>news\n<3>    at ')).toBe(true);
  expect(text.match(/^(?!<3>)/gm)?.length, 'only the end has none').toBe(1);
});
