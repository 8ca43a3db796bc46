/** What looks like a secret is hidden, however it is quoted; what is no secret is left as it is. */
import { expect, test } from 'vitest';
import { cleanText } from '../../../src/views/plain-text.ts';

test.each([
  ['password=hunter2hunter2', 'password=[hidden]'],
  [`DB_PASSWORD: 'hunter2 hunter2'`, 'DB_PASSWORD: [hidden]'],
  ['{"password": "hunter2hunter2", "a": 1}', '{"password": [hidden], "a": 1}'],
  ['{"password":"hunter2 \\"hunter2, hunter2"}', '{"password":[hidden]}'],
  ['{"text":"{\\"api_key\\":\\"hunter2hunter2\\"}"}', '{"text":"{\\"api_key\\":[hidden]}"}'],
  ['"{\\\\\\"secret\\\\\\": \\\\\\"hunter2hunter2\\\\\\"', '"{\\\\\\"secret\\\\\\": [hidden]'],
  ['"token": "hunter2hunter2', '"token": [hidden]'],
])('hidden: %s', (text, clean) => {
  expect(cleanText(text)).toBe(clean);
});

test.each([
  'max_tokens: 2000000',
  '{"max_tokens": 2000000, "tokens": 12345678}',
  '{"token": 12345678}',
  'the token is missing',
  'tokens: 12345678',
])('left as it is: %s', text => {
  expect(cleanText(text)).toBe(text);
});
