/** What an ACP session comes to, beyond what was recorded. */
import { describe, expect, it, test } from 'vitest';
import { AGENTS } from '../../../src/agents/index.ts';

type Message = Record<string, unknown>;
const asked = (id: number, method: string): Message => ({ type: 'rasen/asked', id, method });
const answer = (id: number, result: unknown): Message => ({ jsonrpc: '2.0', id, result });
const refused = (id: number, code: number, message = '', data?: unknown): Message => ({
  jsonrpc: '2.0',
  id,
  error: { code, message, data },
});
const gemini = (code: number, message: string): Message =>
  refused(2, code, JSON.stringify({ error: { code, message, status: 'INVALID_ARGUMENT' } }));
const update = (kind: string, more: object): Message => ({
  jsonrpc: '2.0',
  method: 'session/update',
  params: { sessionId: 's1', update: { sessionUpdate: kind, ...more } },
});
const OPEN = [asked(0, 'initialize'), answer(0, { protocolVersion: 1 }), asked(1, 'session/new')];
const PROMPT = [...OPEN, answer(1, { sessionId: 's1' }), asked(2, 'session/prompt')];

function read(messages: readonly Message[], code = 0) {
  const conversation = AGENTS.acp(['agent']).open()!;
  for (const message of messages) conversation.feed(JSON.stringify(message));
  return { live: conversation.live(), report: conversation.end({ code, ended_ms: 0 }) };
}

test.each([
  ['end_turn', 'ok'],
  ['max_tokens', 'context'],
  ['max_turn_requests', 'budget'],
  ['refusal', 'failed'],
  ['cancelled', 'failed'],
  ['of a later version', 'failed'],
])('a turn that ends with %s: %s', (stopReason, outcome) => {
  const { live, report } = read([...PROMPT, answer(2, { stopReason })]);
  expect([report.outcome, live.through]).toEqual([outcome, outcome === 'ok']);
});

test.each([
  [refused(2, -32000, 'Authentication required'), 'auth'],
  // As gemini 0.61.0 says it: the server's answer, and a status that says little.
  [
    gemini(400, 'The input token count (1300000) exceeds the maximum number of tokens allowed (1048576).'),
    'context',
  ],
  [gemini(400, 'API key not valid. Please pass a valid API key.'), 'auth'],
  [gemini(400, 'something else'), 'failed'],
  [gemini(503, 'busy'), 'overloaded'],
  [refused(2, 401, 'x'), 'auth'],
  [refused(2, 429, 'x'), 'limit'],
  [refused(2, 503, 'x'), 'overloaded'],
  [refused(2, -32603, 'Internal error', { errorKind: 'rate_limit' }), 'limit'],
  [refused(2, -32603, 'Internal error', { errorKind: 'overloaded' }), 'overloaded'],
  [refused(2, -32603, 'Internal error', { codexErrorInfo: 'contextWindowExceeded' }), 'context'],
  [refused(2, -32603, 'x', { codexErrorInfo: { httpConnectionFailed: { httpStatusCode: 401 } } }), 'auth'],
  [refused(2, -32603, 'x', { codexErrorInfo: { responseStreamDisconnected: {} } }), 'network'],
  [refused(2, -32603, 'Internal error: Cannot connect to API: no', { errorName: 'APIError' }), 'network'],
  [refused(2, -32603, 'Internal error: too long', { errorName: 'ContextOverflowError' }), 'context'],
  [refused(2, -32602, 'Invalid params'), 'startup'],
  [refused(2, -32603, 'Internal error'), 'failed'],
  [{ jsonrpc: '2.0', id: 2, error: 'nonsense' }, 'failed'],
])('%j: %s', (message, outcome) => {
  const { report } = read([...PROMPT, message]);
  expect([report.outcome, report.retry_at]).toEqual([outcome, null]);
});

describe('OpenCode says with what status the server refused only in its record of the session', () => {
  // As opencode 1.18.33 says it.
  const said = (words: string) =>
    refused(2, -32603, `Internal error: ${words}`, { service: 'session', errorName: 'APIError' });
  const kept = (message: string, statusCode: number | null, isRetryable = false): Message => ({
    ...{ type: 'rasen/failed', name: 'APIError', data: { message, statusCode, isRetryable } },
  });

  test.each([
    ['bad key', 401, 'auth'],
    ['busy', 503, 'overloaded'],
    ['slow down', 429, 'limit'],
    ['no', 400, 'failed'],
    ['prompt is too long: 210000 tokens > 200000 maximum', 400, 'context'],
  ])('%s, %i: %s', (words, status, outcome) => {
    const { report, live } = read([...PROMPT, said(words), kept(words, status)]);
    expect([report.outcome, report.detail, live.through]).toEqual([outcome, words, false]);
  });

  it('a version that calls the turn ended all the same', () => {
    const usage = { inputTokens: 0, outputTokens: 0, totalTokens: 0 };
    const ended = answer(2, { stopReason: 'end_turn', usage, _meta: {} });
    const { report, live } = read([...PROMPT, ended, kept('bad key', 401)]);
    expect([report.outcome, report.detail, live.through]).toEqual(['auth', 'bad key', false]);
    expect(read([...PROMPT, ended]).report.outcome).toBe('ok');
  });

  it('what was said and is known counts where the record knows less, and another turn begins anew', () => {
    const network = said('Cannot connect to API: no');
    expect(read([...PROMPT, network, kept('?', null)]).report.outcome).toBe('network');
    const again = [asked(3, 'session/prompt'), answer(3, { stopReason: 'end_turn' })];
    expect(read([...PROMPT, kept('bad key', 401), ...again]).report.outcome).toBe('ok');
  });

  it('what it used is that of its record, which has every call of a turn', () => {
    const told = update('usage_update', { used: 9, size: 10, cost: { amount: 0.1, currency: 'USD' } });
    const last = { inputTokens: 100, outputTokens: 5, totalTokens: 105 };
    const all = { input_tokens: 300, cached_input_tokens: 50, output_tokens: 15, cost_usd: 0.3 };
    const used = (partial: boolean): Message => ({ type: 'rasen/used', ...all, partial });
    const opened = PROMPT.map(message =>
      message === OPEN[1] ? answer(0, { protocolVersion: 1, agentInfo: { name: 'OpenCode' } }) : message,
    );
    const ended = [...opened, told, answer(2, { stopReason: 'end_turn', usage: last })];
    expect(read(ended).report.usage).toMatchObject({ input_tokens: 100, partial: true });
    expect(read([...ended, used(false)]).report.usage).toEqual({ ...all, partial: false });
    expect(read([...ended, used(true)]).report.usage).toEqual({ ...all, partial: true });
    // Cut off in its turn: what was used after the last call that it keeps is not known.
    expect(read([...opened, used(false)], 137).report.usage).toEqual({ ...all, partial: true });
  });

  it('its record is asked for, of that program alone', () => {
    const request = { writable: [], subtask: 'a', attempt: 1, resume: null, model: null };
    const record = (...command: string[]) => AGENTS.acp(command).plan(request as never).talk!.record;
    expect(record('nice', '/opt/opencode', 'acp', '--pure')).toEqual(['nice', '/opt/opencode', 'export']);
    expect([record('gemini', '--acp'), record('bridge', 'acp')]).toEqual([undefined, undefined]);
  });
});

describe('the requests before the prompt', () => {
  it('a session that cannot be gone on with is lost, a login that is missing is a login', () => {
    for (const method of ['session/load', 'session/resume']) {
      const resume = [...OPEN.slice(0, 2), asked(1, method)];
      expect(read([...resume, refused(1, -32603, 'Internal error')]).report.outcome).toBe('session_lost');
      expect(read([...resume, refused(1, -32000)]).report.outcome).toBe('auth');
    }
    expect(read([...OPEN, refused(1, -32000)]).report.outcome).toBe('auth');
  });

  it('a mode that is refused changes nothing', () => {
    const moded = [...PROMPT.slice(0, -1), asked(5, 'session/set_mode'), refused(5, -32601), PROMPT.at(-1)!];
    expect(read([...moded, answer(2, { stopReason: 'end_turn' })]).report.outcome).toBe('ok');
  });

  it('what could not begin says why', () => {
    const reason = 'it does not offer the model x, but a, b';
    const { report } = read([...PROMPT.slice(0, -1), { type: 'rasen/not_started', reason }]);
    expect([report.outcome, report.detail]).toEqual(['startup', reason]);
  });
});

it('a tool that was refused, and no result: the session asked', () => {
  const done = answer(2, { stopReason: 'end_turn' });
  const { report } = read([...PROMPT, { type: 'rasen/refused', tool: 'send_mail', reason: 'x' }, done]);
  expect([report.outcome, report.denied]).toEqual(['asked', ['send_mail']]);
});

it('tools run from where they are told, or asked for, until they are over or the turn is', () => {
  const call = { toolCallId: 'c1', kind: 'execute', title: 'make', rawInput: { command: 'make' } };
  const began = [...PROMPT, update('tool_call', { ...call, status: 'pending' })];
  expect(read(began).live.tools_running).toBe(1);
  const ended = [
    ...began,
    update('tool_call_update', { toolCallId: 'c1', status: 'completed', rawOutput: 1 }),
  ];
  expect(read(ended).live).toMatchObject({ tools_running: 0, calls: [expect.any(String)] });
  // More is told of it, and it does not run again.
  expect(read([...ended, update('tool_call_update', call)]).live.tools_running).toBe(0);
  const params = { toolCall: { toolCallId: 'c2', kind: 'edit', title: 'edit', status: 'pending' } };
  const ask = { jsonrpc: '2.0', id: 7, method: 'session/request_permission', params };
  expect(read([...ended, ask]).live.tools_running).toBe(1);
  const { live } = read([...ended, ask, answer(2, { stopReason: 'end_turn' })]);
  expect([live.tools_running, live.calls.length]).toEqual([0, 1]);
});

it('the same call with the same answer is the same, another answer is another', () => {
  const round = (id: string, rawOutput: string) => [
    update('tool_call', {
      toolCallId: id,
      kind: 'execute',
      rawInput: { command: 'make' },
      status: 'pending',
    }),
    update('tool_call_update', { toolCallId: id, status: 'failed', rawOutput }),
  ];
  const { calls } = read([...PROMPT, ...round('1', 'no'), ...round('2', 'no'), ...round('3', 'yes')]).live;
  expect([calls.length, calls[0] === calls[1], calls[1] === calls[2]]).toEqual([3, true, false]);
});

it('tokens of all turns are summed, a cost is that of this process alone', () => {
  const usage = { inputTokens: 1000, cachedReadTokens: 100, outputTokens: 40, totalTokens: 1140 };
  const cost = (amount: number) =>
    update('usage_update', { used: 1, size: 2, cost: { amount, currency: 'USD' } });
  const turns = [
    cost(0.5),
    answer(2, { stopReason: 'end_turn', usage }),
    asked(3, 'session/prompt'),
    cost(0.75),
  ];
  const whole = [...PROMPT, ...turns, answer(3, { stopReason: 'end_turn', usage })];
  expect(read(whole).report.usage).toEqual({
    input_tokens: 2200,
    cached_input_tokens: 200,
    output_tokens: 80,
    cost_usd: 0.75,
    partial: false,
  });
  expect(read(whole.slice(0, -1)).report.usage).toMatchObject({ input_tokens: 1100, partial: true });
  const resumed = [...OPEN.slice(0, 2), asked(1, 'session/resume'), answer(1, {})];
  const after = [asked(2, 'session/prompt'), ...turns];
  expect(read([...resumed, ...after]).report.usage?.cost_usd).toBe(null);
  expect(read([...resumed, cost(0.25), ...after]).report.usage?.cost_usd).toBe(0.5);
});

it('gemini is told of the folders at its start, and goes on with no session', () => {
  const request = { writable: ['/git'], subtask: 'a', attempt: 1, resume: null, model: null };
  const plan = (...command: string[]) => AGENTS.acp(command).plan(request as never).argv;
  expect(plan('/opt/gemini', '--acp')).toEqual(['/opt/gemini', '--acp', '--include-directories', '/git']);
  expect(plan('opencode', 'acp')).toEqual(['opencode', 'acp']);
  expect([AGENTS.acp(['gemini', '--acp']).resumes, AGENTS.acp(['opencode', 'acp']).resumes]).toEqual([
    false,
    true,
  ]);
});
