/** Codex: its messages, and the local time in them. */
import { expect, it } from 'vitest';
import { AGENTS } from '../../../src/agents/index.ts';
import { instantOf } from '../../../src/engine/wall-time.ts';

const ENDED = Date.parse('2026-11-21T01:00:00Z');

function read(message: string, time_zone = 'UTC', ended_ms = ENDED) {
  const conversation = AGENTS.codex(['codex']).open()!;
  conversation.feed('{"type":"turn.started"}');
  conversation.feed(JSON.stringify({ type: 'turn.failed', error: { message } }));
  return conversation.end({ code: 1, ended_ms, time_zone });
}

const limit = (when: string) => `You've hit your usage limit. Upgrade to Pro or try again at ${when}.`;

it('the end of a limit is local time of the session, without seconds: the minute after it is waited for', () => {
  expect(read(limit('Nov 21st, 2026 2:17 AM')).retry_at).toBe('2026-11-21T02:18:00.000Z');
  expect(read(limit('Nov 21st, 2026 2:17 AM'), 'Europe/Berlin').retry_at).toBe('2026-11-21T01:18:00.000Z');
  expect(read(limit('Jul 1st, 2026 12:59 PM'), 'America/New_York').retry_at).toBe('2026-07-01T17:00:00.000Z');
  expect(read(limit('Dec 31st, 2026 11:59 PM')).retry_at).toBe('2027-01-01T00:00:00.000Z');
  expect(read(limit('Jan 2nd, 2027 12:00 AM')).retry_at).toBe('2027-01-02T00:01:00.000Z');
});

it('a time without a day is of the day on which the session ended, or of the one that ended with it', () => {
  expect(read(limit('2:17 AM')).retry_at).toBe('2026-11-21T02:18:00.000Z');
  expect(read(limit('11:17 PM'), 'America/New_York').retry_at).toBe('2026-11-21T04:18:00.000Z');
  const midnight = Date.parse('2026-11-22T00:00:10Z');
  expect(read(limit('11:59 PM'), 'UTC', midnight).retry_at).toBe('2026-11-22T00:00:00.000Z');
});

it('a limit with a time that is not understood is a limit all the same', () => {
  for (const when of ['half past two', 'Foo 21st, 2026 2:17 AM'])
    expect(read(limit(when))).toMatchObject({ outcome: 'limit', retry_at: null });
});

it('times around a change of the clocks', () => {
  const wall = { year: 2026, month: 3, day: 29, hour: 3, minute: 30 };
  expect(instantOf(wall, 'Europe/Berlin')).toBe('2026-03-29T01:30:00.000Z');
  expect(instantOf({ ...wall, hour: 1 }, 'Europe/Berlin')).toBe('2026-03-29T00:30:00.000Z');
  expect(instantOf({ ...wall, year: Number.NaN }, 'UTC')).toBeNull();
  expect(instantOf(wall, 'No/Where')).toBe(instantOf(wall, undefined));
});

it.each([
  ['unexpected status 401 Unauthorized: Incorrect API key', 'auth'],
  ['unexpected status 404 Not Found: no such model', 'startup'],
  ['unexpected status 503 Service Unavailable', 'overloaded'],
  ['unexpected status 400 Bad Request: nothing known', 'failed'],
  ['exceeded retry limit, last status: 429 Too Many Requests', 'limit'],
  ['exceeded retry limit, last status: 500 Internal Server Error', 'overloaded'],
  ['Selected model is at capacity. Please try a different model.', 'overloaded'],
  ["Codex ran out of room in the model's context window. Start a new thread.", 'context'],
  ['stream disconnected before completion: idle timeout', 'network'],
  ['Reconnecting... 2/5 (unexpected status 503 Service Unavailable)', 'overloaded'],
  ['the tests say: unexpected status 401 Unauthorized', 'failed'],
  ["I wrote: You've hit your usage limit.", 'failed'],
] as const)('%s is %s', (message, outcome) => {
  expect(read(message)).toMatchObject({ outcome, evidence: 'event' });
});

it('its sandbox may write where git does, and its arguments are TOML', () => {
  const { argv } = AGENTS.codex(['codex']).plan({
    role: 'coder',
    prompt: 'p',
    result_file: '/r/result.json',
    task: 't',
    subtask: 's',
    attempt: 1,
    nonce: 'n',
    model: null,
    max_thinking_tokens: 0,
    writable: ['/a "b"/.git', '/c'],
    cwd: '/work',
    resume: null,
    own_sandbox: true,
    budget_usd: null,
    help: null,
  });
  expect(argv).toContain('sandbox_workspace_write.writable_roots=["/a \\"b\\"/.git","/c"]');
  expect([argv.includes('exec'), argv.at(-1)]).toEqual([true, '-']);
});

it('keeps what it logs in with from the shell of the model, and leaves the user’s own policy alone', () => {
  const request = {
    role: 'coder',
    prompt: '',
    result_file: '/r',
    task: 't',
    subtask: 's',
    attempt: 1,
  } as const;
  const more = {
    nonce: 'n',
    model: null,
    max_thinking_tokens: 0,
    writable: [],
    cwd: '/',
    resume: null,
    own_sandbox: true,
    budget_usd: null,
    help: null,
  };
  const settings = AGENTS.codex(['codex'])
    .plan({ ...request, ...more })
    .argv.filter(word => word.startsWith('shell_environment_policy.'));
  expect(settings).toContain('shell_environment_policy.set.OPENAI_API_KEY=""');
  expect(settings).toContain('shell_environment_policy.set.CODEX_API_KEY=""');
  expect(settings.filter(word => !/^shell_environment_policy\.set\.\w+=""$/.test(word))).toEqual([]);
});
