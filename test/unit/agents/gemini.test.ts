/** Gemini: the server's answers inside of its messages, and exit codes that are HTTP statuses. */
import { expect, it } from 'vitest';
import { AGENTS } from '../../../src/agents/index.ts';

const ENDED = Date.parse('2026-11-21T02:00:00Z');

function read(lines: readonly (string | object)[], code: number) {
  const conversation = AGENTS.gemini(['gemini']).open()!;
  for (const line of lines) conversation.feed(typeof line === 'string' ? line : JSON.stringify(line));
  return conversation.end({ code, ended_ms: ENDED });
}

const failed = (message: string, type = 'unknown') => ({
  type: 'result',
  status: 'error',
  error: { type, message },
});
const answer = (code: number, message: string) =>
  `[API Error: ${JSON.stringify({ error: { code, message } })}]\nPlease wait and try again later.`;

it.each([
  [answer(401, 'Request had invalid authentication credentials.'), 145, 'auth'],
  [answer(400, 'API key not valid. Please pass a valid API key.'), 144, 'auth'],
  [
    answer(400, 'The input token count (1200000) exceeds the maximum number of tokens allowed'),
    144,
    'context',
  ],
  [answer(400, 'Bad request'), 144, 'failed'],
  [answer(429, 'slow down'), 173, 'limit'],
  [answer(503, 'The model is overloaded.'), 247, 'overloaded'],
  ['[API Error: no words that are known]', 247, 'overloaded'],
  ['[API Error: exception TypeError: fetch failed sending request]', 1, 'network'],
  ['[API Error: You have exhausted your daily quota on this model.]\nPlease wait', 1, 'limit'],
  ['[API Error: An unknown error occurred.]', 1, 'network'],
  ['it wrote: [API Error: You have exhausted your daily quota on this model.]', 1, 'failed'],
  ['nothing of the kind', 1, 'failed'],
] as const)('%s with exit code %i is %s', (message, code, outcome) => {
  expect(read([failed(message)], code)).toMatchObject({ outcome, evidence: 'event' });
});

it.each([
  [41, 'auth'],
  [42, 'startup'],
  [52, 'startup'],
  [53, 'budget'],
  [145, 'auth'],
  [173, 'limit'],
  [137, 'failed'],
  [143, 'failed'],
  [1, 'failed'],
] as const)('exit code %i and nothing else is %s', (code, outcome) => {
  expect(read([], code)).toMatchObject({ outcome, evidence: 'exit' });
});

it('what was being tried again when it was ended, and only that', () => {
  const retry = 'Attempt 2 failed with status 503. Retrying with backoff... _ApiError: {}';
  expect(read([retry], 137)).toMatchObject({ outcome: 'overloaded', evidence: 'text' });
  const message = { type: 'message', role: 'assistant', content: 'on it', delta: true };
  expect(read([retry, message], 137)).toMatchObject({ outcome: 'failed', evidence: 'exit' });
  expect(read([`the log says: ${retry}`], 137).outcome).toBe('failed');
});

it('pieces of one answer are one message', () => {
  const say = (content: string) => ({ type: 'message', role: 'assistant', content, delta: true });
  const report = read([say('Now '), say('commit.'), { type: 'tool_use' }, say('All '), say('done.')], 0);
  expect(report.last_message).toBe('All done.');
});

it('a loop that it found and stopped is a failure of its own words, whatever its result says', () => {
  const loop = { type: 'error', severity: 'warning', message: 'Loop detected, stopping execution' };
  const fine = { type: 'result', status: 'success' };
  expect(read([loop, fine], 0)).toMatchObject({
    outcome: 'failed',
    detail: 'Loop detected, stopping execution',
  });
  const tool = { type: 'tool_use', tool_id: '1', tool_name: 'write_file', parameters: {} };
  expect(read([loop, tool, fine], 0).outcome).toBe('ok');
});
