/** OpenCode: what of its own errors is left when the work is done, and rounds in which nothing is done. */
import { expect, it } from 'vitest';
import { AGENTS } from '../../../src/agents/index.ts';
import { keptFailure } from '../../../src/agents/opencode/error.ts';

const open = () => AGENTS.opencode(['opencode']).open()!;
const step = { type: 'step_start', sessionID: 'ses_1', part: {} };
const said = (text: string) => ({ type: 'text', sessionID: 'ses_1', part: { text } });
const stop = { type: 'step_finish', sessionID: 'ses_1', part: { reason: 'stop' } };
const error = { type: 'error', sessionID: 'ses_1', error: { name: 'APIError', data: { statusCode: 503 } } };

function read(events: readonly object[], code: number) {
  const conversation = open();
  for (const event of events) conversation.feed(JSON.stringify(event));
  return conversation.end({ code, ended_ms: 0 });
}

it('exits with 1 for an error that it got over: what was finished after it counts', () => {
  expect(read([step, error, step, said('Done.'), stop], 1).outcome).toBe('ok');
  expect(read([step, said('Done.'), stop, error], 1).outcome).toBe('overloaded');
  expect(read([step, said('Done.'), stop], 1).outcome).toBe('failed');
  expect(read([step, error, step, said('Done.'), stop], 137).outcome).toBe('failed');
});

it('the same words again and again, without a tool between, are calls that go in circles', () => {
  const conversation = open();
  const rounds = (n: number) => Array.from({ length: n }, () => [step, said('I shorten it.'), stop]).flat();
  for (const event of rounds(9)) conversation.feed(JSON.stringify(event));
  const { calls } = conversation.live();
  expect(new Set(calls).size).toBe(1);
  expect(calls).toHaveLength(8);
  const tool = { type: 'tool_use', part: { callID: '1', tool: 'read', state: { input: {}, output: 'x' } } };
  const working = open();
  for (const event of [said('Next.'), tool, said('Next.'), tool]) working.feed(JSON.stringify(event));
  expect(working.live().calls_made).toBe(2);
});

it('what it keeps of a session tells how its last turn failed, and no header of it', () => {
  // As opencode 1.15.13 and 1.18.33 export it, without what is not read.
  const data = {
    message: 'bad key',
    statusCode: 401,
    isRetryable: false,
    responseHeaders: { 'set-cookie': 'secret' },
    responseBody: '{"error":{"code":401,"message":"bad key"}}',
  };
  const message = (role: string, created: number, error?: object) => ({
    info: { role, time: { created, completed: created + 1 }, ...(error && { error }) },
    parts: [],
  });
  const exported = (...messages: object[]) => JSON.stringify({ info: { id: 'ses_1' }, messages });
  const failed = message('assistant', 2000, { name: 'APIError', data });
  const kept = { name: 'APIError', data: { message: 'bad key', statusCode: 401, isRetryable: false } };
  expect(keptFailure(exported(message('user', 1999), failed), 1500)).toEqual(kept);
  expect(keptFailure(exported(failed), 2500), 'an error of an earlier turn').toBe(null);
  expect(keptFailure(exported(failed, message('assistant', 2600)), 1500), 'it got over it').toBe(null);
  for (const nothing of ['', '{', '[]', '{"messages":[]}', '{"messages":[null]}'])
    expect(keptFailure(nothing, 0)).toBe(null);
});
