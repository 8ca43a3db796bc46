/** What codex says while it is spoken with, beyond what the recordings have. */
import { describe, expect, it } from 'vitest';
import type { Conversation } from '../../../src/agents/agent.ts';
import { AGENTS } from '../../../src/agents/index.ts';
import { recording } from '../../support/recordings.ts';

const ENDED = Date.parse('2026-11-21T02:00:00Z');
const OWN = 'thread-1';

function open(): Conversation & { tell(method: string, params: object): void } {
  const conversation = AGENTS.codex(['codex']).open()!;
  const feed = (message: object) => conversation.feed(JSON.stringify(message));
  feed({ id: 1, result: {} });
  feed({ id: 2, result: { thread: { id: OWN } } });
  return Object.assign(conversation, {
    tell: (method: string, params: object) => feed({ method, params: { threadId: OWN, ...params } }),
  });
}

const ends = (conversation: Conversation, code = 0) => conversation.end({ code, ended_ms: ENDED });
const turn = (status: string, error: object | null = null) => ({ turn: { id: 'turn-1', status, error } });
const usage = (total: number, last: number) => {
  const tokens = (inputTokens: number) => ({ inputTokens, cachedInputTokens: 0, outputTokens: 1 });
  return { tokenUsage: { total: tokens(total), last: tokens(last) } };
};

describe('errors have a class of their own', () => {
  it.each([
    ['contextWindowExceeded', 'context'],
    ['sessionBudgetExceeded', 'budget'],
    ['usageLimitExceeded', 'limit'],
    ['serverOverloaded', 'overloaded'],
    ['unauthorized', 'auth'],
    ['modelNotFound', 'startup'],
    ['tooManyDenials', 'asked'],
    [{ httpConnectionFailed: { httpStatusCode: 401 } }, 'auth'],
    [{ responseTooManyFailedAttempts: { httpStatusCode: 503 } }, 'overloaded'],
    [{ responseStreamDisconnected: { httpStatusCode: null } }, 'network'],
  ])('%j: %s', (codexErrorInfo, outcome) => {
    const session = open();
    session.tell('turn/started', turn('inProgress'));
    session.tell('turn/completed', turn('failed', { message: 'You’ve hit the wall.', codexErrorInfo }));
    expect(ends(session)).toMatchObject({ outcome, evidence: 'event', detail: 'You’ve hit the wall.' });
  });

  it.each([
    ['other', 'exceeded retry limit, last status: 429 Too Many Requests', 'limit'],
    ['aWordOfALaterVersion', 'Selected model is at capacity. Please try another.', 'overloaded'],
    [null, 'nothing that is known', 'failed'],
  ])('where it is %j, the words count', (codexErrorInfo, message, outcome) => {
    const session = open();
    session.tell('turn/completed', turn('failed', { message, codexErrorInfo }));
    expect(ends(session).outcome).toBe(outcome);
  });
});

it('an error that it tries to get over counts only where it did not', () => {
  const error = {
    message: 'Reconnecting... 1/5',
    codexErrorInfo: 'unauthorized',
    additionalDetails: 'bad key',
  };
  const cut = open();
  cut.tell('turn/started', turn('inProgress'));
  cut.tell('error', { error, willRetry: true });
  expect(ends(cut, 137)).toMatchObject({ outcome: 'auth', detail: 'bad key' });
  const well = open();
  well.tell('turn/started', turn('inProgress'));
  well.tell('error', { error, willRetry: true });
  well.tell('item/started', { item: { type: 'agentMessage', id: 'm' } });
  expect(ends(well, 137)).toMatchObject({ outcome: 'failed', evidence: 'exit' });
});

it('the limit that ends last is waited for, of those that are reached', () => {
  const session = open();
  const window = (usedPercent: number, resetsAt: number) => ({ usedPercent, resetsAt });
  const limits = (limitId: string, primary: object | null, secondary: object | null) =>
    session.tell('account/rateLimits/updated', { rateLimits: { limitId, primary, secondary } });
  limits('codex', window(100, 1_795_229_605), window(40, 1_795_316_005));
  limits('other', window(100, 1_795_229_999), null);
  limits('codex', null, null);
  session.tell(
    'turn/completed',
    turn('failed', { message: 'try again at 2:17 AM.', codexErrorInfo: 'usageLimitExceeded' }),
  );
  expect(ends(session).retry_at).toBe(new Date(1_795_229_999_000).toISOString());
});

it.each([
  ['no rollout found for thread id 7', 'session_lost'],
  ['thread 7 already has an active writer', 'session_lost'],
  ['no such model provider', 'failed'],
])('a thread that is refused: %s', (message, outcome) => {
  const conversation = AGENTS.codex(['codex']).open()!;
  conversation.feed(JSON.stringify({ id: 1, result: {} }));
  conversation.feed(JSON.stringify({ id: 2, error: { code: -32600, message } }));
  expect(ends(conversation)).toMatchObject({ outcome, detail: message });
});

it('while it goes on: tokens call by call, tools that run, calls that are the same', () => {
  const session = open();
  const command = (id: string, more: object) => ({
    item: { type: 'commandExecution', id, command: 'npm test', ...more },
  });
  // Of earlier processes.
  session.tell('thread/tokenUsage/updated', usage(5000, 1000));
  expect(session.live()).toMatchObject({ usage: null, tools_running: 0, through: false });
  session.tell('turn/started', turn('inProgress'));
  session.tell('thread/tokenUsage/updated', usage(6000, 1000));
  session.tell('thread/tokenUsage/updated', usage(6000, 1000));
  session.tell('thread/tokenUsage/updated', { ...usage(300, 300), threadId: 'thread-2' });
  session.tell('item/started', command('c1', {}));
  expect(session.live()).toMatchObject({ usage: { input_tokens: 1300 }, tools_running: 1 });
  session.tell('item/completed', command('c1', { status: 'completed', exitCode: 1, aggregatedOutput: 'no' }));
  session.tell('item/started', command('c2', {}));
  session.tell('item/completed', command('c2', { status: 'completed', exitCode: 1, aggregatedOutput: 'no' }));
  const { calls, tools_running } = session.live();
  expect([new Set(calls).size, calls.length, tools_running]).toEqual([1, 2, 0]);
  session.tell('item/started', command('c3', {}));
  session.tell('turn/completed', { ...turn('completed'), threadId: 'thread-2' });
  expect(session.live(), 'a session that it has started').toMatchObject({ tools_running: 1, through: false });
  session.tell('turn/completed', turn('completed'));
  expect(session.live()).toMatchObject({ tools_running: 0, through: true });
  expect(ends(session)).toMatchObject({ outcome: 'ok', usage: { input_tokens: 1300, partial: false } });
});

it('a sum that begins anew (a history that was made shorter) loses nothing', () => {
  const session = open();
  session.tell('turn/started', turn('inProgress'));
  session.tell('thread/tokenUsage/updated', usage(1000, 1000));
  session.tell('thread/tokenUsage/updated', usage(200, 200));
  expect(session.live().usage?.input_tokens).toBe(1200);
  expect(ends(session, 137).usage?.partial, 'it was cut off').toBe(true);
});

it('a turn more, begun by a note: the last one counts', () => {
  const session = open();
  session.tell('turn/completed', turn('failed', { message: 'first', codexErrorInfo: 'other' }));
  session.tell('turn/started', turn('inProgress'));
  session.tell('turn/completed', turn('completed'));
  expect(ends(session).outcome).toBe('ok');
});

it('what it asked and was refused is named, and without a result it is a question', () => {
  const session = open();
  session.feed(
    JSON.stringify({
      id: 0,
      method: 'item/commandExecution/requestApproval',
      params: { threadId: OWN, command: 'sudo rm' },
    }),
  );
  session.tell('item/completed', { item: { type: 'fileChange', id: 'f', status: 'declined' } });
  session.tell('turn/completed', turn('completed'));
  expect(ends(session)).toMatchObject({ outcome: 'asked', denied: ['sudo rm', 'fileChange'], unknown: {} });
});

it('what was refused by an older version is no word of the one that was started instead', () => {
  const conversation = AGENTS.codex(['codex']).open()!;
  conversation.feed("error: unrecognized subcommand 'app-server'");
  conversation.feed('{"type":"rasen/fallback"}');
  conversation.feed('Not logged in');
  expect(ends(conversation, 1)).toMatchObject({ outcome: 'auth', evidence: 'text' });
});

describe('where params and results are not what they were', () => {
  const happy = recording('codex-app-server', 'a-happy').lines.filter(line => line !== '');
  const read = (lines: readonly string[], code = 0) => {
    const conversation = AGENTS.codex(['codex']).open()!;
    for (const line of lines) conversation.feed(line);
    return ends(conversation, code);
  };

  it('events of a shape that makes no sense are taken as far as they go', () => {
    for (const nonsense of [null, 7, 'x', [], {}, [[null]], { turn: 7, item: [], error: 'x' }]) {
      const lines = happy.map(line => {
        const { id, method } = JSON.parse(line);
        return JSON.stringify(method === undefined ? { id, result: nonsense } : { method, params: nonsense });
      });
      const report = read(lines, 1);
      expect(report.outcome, JSON.stringify(nonsense)).not.toBe('ok');
      expect(JSON.stringify(report).length).toBeLessThan(5000);
    }
  });
});
