/** When a judge's issue is one that it named before. */
import { expect, test } from 'vitest';
import { knownIssue } from '../../../src/engine/same-issue.ts';

const FIRST = 'src/auth.ts:12: logout does not clear the session cookie';

test.each([
  ['the same text', FIRST],
  ['another line number', 'src/auth.ts:48: logout does not clear the session cookie'],
  ['other spaces and letters', '  src/auth.ts:12:  Logout does not clear the session COOKIE'],
  ['a word more', 'src/auth.ts:12: logout still does not clear the session cookie'],
])('%s is the same issue', (_, text) => {
  expect(knownIssue(text, [FIRST])).toBe(FIRST);
});

test.each([
  ['another file', 'src/token.ts:12: logout does not clear the session cookie'],
  ['another matter in the same file', 'src/auth.ts:12: passwords are compared in variable time'],
  ['nothing', ''],
])('%s is another issue', (_, text) => {
  expect(knownIssue(text, [FIRST])).toBeNull();
});

test.each([
  ['Test for logout is missing', 'Test for login is missing'],
  ['parseDate does not handle empty strings at all', 'formatDate does not handle empty strings at all'],
  [
    'the flag `--all` is not described in the manual page',
    'the flag `--any` is not described in the manual page',
  ],
  ['1', '2'],
])('%s / %s are two', (one, other) => {
  expect(knownIssue(one, [other])).toBeNull();
});

test('a text that is a name of JavaScript is a text like any other', () => {
  expect(knownIssue('constructor', [])).toBeNull();
});
