/** Claude's stream where no recording has it: events as its documents and its own lines have them. */
import { expect, it } from 'vitest';
import { AGENTS } from '../../../src/agents/index.ts';
import { recording } from '../../support/recordings.ts';

const ENDED = Date.parse('2026-11-21T02:00:00Z');

const RESETS = 1_795_226_938;
const at = (seconds: number) => new Date(seconds * 1000).toISOString();
const window = (status: string, resetsAt: number) => ({ utilization: 1, resetsAt, status });
const limit = (info: object) => ({ type: 'rate_limit_event', rate_limit_info: info });
const synthetic = (error: string, text: string, status: number | null = null) => ({
  type: 'assistant',
  message: { model: '<synthetic>', content: [{ type: 'text', text }] },
  error,
  api_error_status: status,
});
const answer = { type: 'assistant', message: { id: 'm1', content: [{ type: 'text', text: 'on it' }] } };
const failed = (result: string, more: object = {}) => ({
  type: 'result',
  subtype: 'success',
  is_error: true,
  terminal_reason: 'api_error',
  result,
  ...more,
});
const fine = { type: 'result', subtype: 'success', is_error: false, result: 'Done.' };

function read(events: readonly (object | string)[], code = 1) {
  const conversation = AGENTS.claude(['claude']).open()!;
  for (const event of events) conversation.feed(typeof event === 'string' ? event : JSON.stringify(event));
  return conversation.end({ code, ended_ms: ENDED });
}

const HIT = "You've hit your limit · resets 2:08am (UTC)";

it('a usage limit is over when the last of the windows is that is reached', () => {
  const info = {
    status: 'rejected',
    resetsAt: RESETS,
    rateLimitType: 'five_hour',
    isUsingOverage: false,
    unifiedWindows: {
      five_hour: window('rejected', RESETS),
      seven_day: window('rejected', RESETS + 86_400),
      seven_day_opus: window('allowed', RESETS + 999_999),
    },
  };
  const report = read([
    limit({ ...info, status: 'allowed_warning' }),
    answer,
    limit(info),
    synthetic('rate_limit', HIT, 429),
    failed(HIT),
  ]);
  expect(report).toMatchObject({
    outcome: 'limit',
    evidence: 'event',
    detail: HIT,
    retry_at: at(RESETS + 86_400),
  });
});

it('a limit that was overcome is none: by paid overage, by another model, by time', () => {
  const rejected = { status: 'rejected', resetsAt: RESETS };
  const overage = limit({ ...rejected, isUsingOverage: true });
  expect(read([overage, fine], 0).outcome).toBe('ok');
  expect(read([overage, synthetic('overloaded', 'busy', 529), failed('busy')]).outcome).toBe('overloaded');
  expect(read([limit(rejected), answer, fine], 0).outcome).toBe('ok');
  expect(read([limit(rejected), answer], 137).outcome).toBe('failed');
  expect(read([limit(rejected), limit({ status: 'allowed' })], 137).outcome).toBe('failed');
  expect(read([limit(rejected)], 137)).toMatchObject({ outcome: 'limit', retry_at: at(RESETS) });
});

it('nonsense for a time is no time', () => {
  for (const resetsAt of [null, 'soon', 1e300, -1e300]) {
    const report = read([limit({ status: 'rejected', resetsAt }), synthetic('rate_limit', HIT), failed(HIT)]);
    expect(report).toMatchObject({ outcome: 'limit', retry_at: null });
  }
});

it.each([
  ['overloaded', 529, 'API Error: 529 overloaded_error', 'overloaded'],
  ['server_error', 500, 'API Error: 500', 'overloaded'],
  ['unknown', 502, 'API Error: 502', 'overloaded'],
  ['unknown', null, 'API Error: Unable to connect to API (ECONNREFUSED)', 'network'],
  ['oauth_org_not_allowed', 403, 'not allowed', 'auth'],
  ['model_not_found', 404, 'no such model', 'startup'],
  ['invalid_request', 400, 'API Error: 400 prompt is too long: 201000 tokens > 200000 maximum', 'context'],
  ['invalid_request', 400, 'API Error: 400 something else', 'failed'],
] as const)('%s (%s): %s is %s', (error, status, words, outcome) => {
  expect(read([synthetic(error, words, status), failed(words, { api_error_status: status })])).toMatchObject({
    outcome,
    evidence: 'event',
    detail: words,
  });
});

it.each([
  ['prompt_too_long', 'context'],
  ['blocking_limit', 'context'],
  ['rapid_refill_breaker', 'context'],
  ['max_turns', 'budget'],
  ['budget_exhausted', 'budget'],
  ['aborted_tools', 'failed'],
])('terminal reason %s is %s', (terminal_reason, outcome) => {
  expect(read([answer, { type: 'result', is_error: true, terminal_reason }]).outcome).toBe(outcome);
});

it('an error that was got over does not count', () => {
  expect(read([synthetic('overloaded', 'busy', 529), answer, fine], 0).outcome).toBe('ok');
  expect(
    read([{ type: 'system', subtype: 'api_retry', error: 'overloaded', error_status: 529 }, answer], 143)
      .outcome,
  ).toBe('failed');
});

it('a request that could not even be connected, to the end', () => {
  const retry = { type: 'system', subtype: 'api_retry', attempt: 3, error: 'unknown', error_status: null };
  expect(read([retry], 137)).toMatchObject({ outcome: 'network', evidence: 'event' });
});

it('flags that it refuses, before the first event: nothing that another try would change', () => {
  expect(read(["error: unknown option '--verbos'"])).toMatchObject({ outcome: 'startup', evidence: 'text' });
  expect(read(['--dangerously-skip-permissions cannot be used with root/sudo']).outcome).toBe('startup');
});

it('the words of a sub-agent are not those of the session', () => {
  const sub = {
    ...answer,
    message: { id: 'm2', content: [{ type: 'text', text: 'aside' }] },
    parent_tool_use_id: 'toolu_1',
  };
  expect(read([answer, sub], 137).last_message).toBe('on it');
});

it('a version that says only the sum of its usage is not counted twice', () => {
  const sum = (outputTokens: number) => ({
    ...fine,
    modelUsage: { m: { inputTokens: 10 * outputTokens, outputTokens, costUSD: 0.5 } },
  });
  expect(read([sum(5), sum(8)], 0).usage).toMatchObject({
    input_tokens: 80,
    output_tokens: 8,
    cost_usd: 0.5,
  });
});

it('a version that says the sum of a session that it goes on with has only its own part counted', () => {
  const conversation = AGENTS.claude(['claude']).open(true)!;
  const answers = (id: string, input_tokens: number, output_tokens: number) => [
    { type: 'assistant', message: { id, model: 'm', content: [], usage: { input_tokens } } },
    {
      type: 'stream_event',
      api_message_id: id,
      event: { type: 'message_delta', usage: { output_tokens } },
    },
  ];
  const sum = (inputTokens: number, outputTokens: number) => ({
    ...fine,
    // Three dollars for a million that are read, fifteen for one that is written.
    modelUsage: { m: { inputTokens, outputTokens, costUSD: (3 * inputTokens + 15 * outputTokens) / 1e6 } },
  });
  const events = [...answers('1', 1000, 40), sum(5000, 240), ...answers('2', 500, 10), sum(5500, 250)];
  for (const event of events) conversation.feed(JSON.stringify(event));
  const { usage } = conversation.end({ code: 0, ended_ms: ENDED });
  expect(usage).toMatchObject({ input_tokens: 1500, output_tokens: 50 });
  expect(usage!.cost_usd).toBeCloseTo((3 * 1500 + 15 * 50) / 1e6, 9);
});

it.each([
  ['with no tokens', { inputTokens: 0, outputTokens: 0, costUSD: 0 }, 0],
  ['whose tokens are not told', { costUSD: 2 }, 4],
  ['with numbers beyond all sense', { inputTokens: 1e308, outputTokens: 1e308, costUSD: 1e308 }, null],
])('the sum of a resumed session that lists a model %s stays a number', (_, strange, usd) => {
  const conversation = AGENTS.claude(['claude']).open(true)!;
  const sum = { ...fine, modelUsage: { other: strange, another: strange } };
  for (const event of [sum, sum]) conversation.feed(JSON.stringify(event));
  const { usage } = conversation.end({ code: 0, ended_ms: ENDED });
  const { partial: _partial, ...sums } = usage!;
  expect(Object.values(sums).every(Number.isFinite)).toBe(true);
  if (usd !== null) expect(usage!.cost_usd).toBe(usd);
});

it('cut off: what its answers used, as far as they had come', () => {
  const { lines } = recording('claude', 'h1-include-partial-messages');
  const whole = lines.filter(line => line !== '');
  expect(read(whole.slice(0, -1), 137).usage).toEqual({
    input_tokens: 4000,
    cached_input_tokens: 0,
    output_tokens: 50,
    cost_usd: null,
    partial: true,
  });
});

it('any number of sessions, a bounded number of names', () => {
  const inits = Array.from({ length: 500 }, (_, i) => ({
    type: 'system',
    subtype: 'init',
    session_id: `s${i}`,
  }));
  expect(read([...inits, fine], 0).sessions.length).toBe(20);
});

it('several results: the last one decides, and what each used is added', () => {
  const { lines } = recording('claude', 'e6-tool-150s-default-timeout');
  const error = failed('API Error: 529', { api_error_status: 529 });
  expect(read([...lines, synthetic('overloaded', 'API Error: 529', 529), error])).toMatchObject({
    outcome: 'overloaded',
    usage: { input_tokens: 7000, output_tokens: 70, partial: false },
  });
});
