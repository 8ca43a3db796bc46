/**
 * Every recorded stream through its reader: what the session came to, as the recording's own notes say it. Recordings of
 * `opencode serve` have no reader: no agent of rasen speaks with a server.
 */
import { describe, expect, it } from 'vitest';
import { AGENTS } from '../../../src/agents/index.ts';
import type { Backend } from '../../../src/contract/backends.ts';
import { recording, recordings } from '../../support/recordings.ts';

const ENDED = Date.parse('2026-11-21T02:00:00Z');

interface Expected {
  /** As the shell says it. */
  code: number;
  /** Outcome, and what says so. */
  ends: string;
  /** Input, cached input, output; cost. */
  usage: string | null;
  /** Beginning of the session's id. */
  session: string | null;
  /** Beginning of the detail, or of the last message. */
  says: string;
  retry_at?: string;
  denied?: string[];
}

const claude: Record<string, Expected> = {
  'a-happy': {
    code: 0,
    ends: 'ok event',
    usage: '4650 3100 80 $0.0072',
    session: '1b706b0b',
    says: 'All done.',
  },
  'a2-bare': {
    code: 0,
    ends: 'ok event',
    usage: '5000 0 40 $0.0156',
    session: '33e91524',
    says: 'All done.',
  },
  'b1-resumed': {
    code: 0,
    ends: 'ok event',
    usage: '5000 0 40 $0.0156',
    session: '11111111',
    says: 'All done.',
  },
  'b2-killed-in-tool': {
    code: 137,
    ends: 'failed exit',
    usage: '2000 0 0 or more',
    session: 'f8b77058',
    says: 'ended with exit code 137 and without a result',
  },
  'b3-resume-unknown': {
    code: 1,
    ends: 'session_lost event',
    usage: null,
    session: '99999999',
    says: 'No conversation found with session ID: 99999999-2222-4333-84',
  },
  'b4-session-id-reused': {
    code: 1,
    ends: 'session_lost text',
    usage: null,
    session: null,
    says: 'Error: Session ID 11111111-2222-4333-8444-555555555556 is al',
  },
  'c1-429-529-500-midstream-then-ok': {
    code: 0,
    ends: 'ok event',
    usage: '6000 0 80 $0.0192',
    session: '809a614f',
    says: 'All done.',
  },
  'c2-usage-limit-apikey': {
    code: 1,
    ends: 'limit event',
    usage: null,
    session: '232b6a81',
    says: 'API Error: Request rejected (429) · This request would excee',
  },
  'c3-usage-limit-subscription': {
    code: 1,
    ends: 'limit event',
    usage: null,
    session: '00ec5233',
    says: "You've hit your limit · resets 4:06pm (UTC)",
    retry_at: '2026-11-21T16:06:10.000Z',
  },
  'd1-auth-401': {
    code: 137,
    ends: 'auth event',
    usage: null,
    session: '622a1ccf',
    says: 'authentication_failed (401), tried 7 times',
  },
  'd1-auth-401-apikey-maxretries1': {
    code: 1,
    ends: 'auth event',
    usage: null,
    session: '14c6c477',
    says: 'Invalid API key · Fix external API key',
  },
  'd3-400-credit': {
    code: 1,
    ends: 'auth event',
    usage: null,
    session: 'c5dbe9ec',
    says: 'Credit balance is too low',
  },
  'd4-no-credentials': {
    code: 1,
    ends: 'auth event',
    usage: null,
    session: '4ae0c3bf',
    says: 'Not logged in · Please run /login',
  },
  'd6-oauth-401': {
    code: 1,
    ends: 'auth event',
    usage: null,
    session: '8412169b',
    says: 'Not logged in · Please run /login',
  },
  'e1-hang-before-headers-60s': {
    code: 137,
    ends: 'failed exit',
    usage: '1000 0 0 or more',
    session: 'cd0303e3',
    says: 'ended with exit code 137 and without a result',
  },
  'e3-long-silent-tool-45s': {
    code: 0,
    ends: 'ok event',
    usage: '4000 0 60 $0.0129',
    session: '2a09624e',
    says: 'All done.',
  },
  'e4-stall-mid-stream-500s': {
    code: 137,
    ends: 'failed exit',
    usage: '1000 0 0 or more',
    session: '45025cf1',
    says: 'ended with exit code 137 and without a result',
  },
  'e6-tool-150s-default-timeout': {
    code: 0,
    ends: 'ok event',
    usage: '7000 0 70 $0.0221',
    session: '5b54f89f',
    says: 'All done.',
  },
  'f-SIGINT-in-model': {
    code: 0,
    ends: 'failed exit',
    usage: '1000 0 0 or more',
    session: '3866ef59',
    says: 'ended with exit code 0 and without a result',
  },
  'f-SIGTERM-in-model': {
    code: 143,
    ends: 'failed exit',
    usage: '1000 0 0 or more',
    session: '4738e5ee',
    says: 'ended with exit code 143 and without a result',
  },
  'f-SIGTERM-in-tool': {
    code: 143,
    ends: 'failed exit',
    usage: '2000 0 0 or more',
    session: 'd650344f',
    says: 'ended with exit code 143 and without a result',
  },
  'f6-nohup-child-at-end': {
    code: 0,
    ends: 'ok event',
    usage: '4000 0 60 $0.0129',
    session: '67806999',
    says: 'All done.',
  },
  'g1-max-turns-2': {
    code: 1,
    ends: 'budget event',
    usage: '2000 0 90 $0.0073',
    session: '9583c95d',
    says: 'Reached maximum number of turns (2)',
  },
  'g3-no-permission': {
    code: 0,
    ends: 'asked event',
    usage: '6000 0 80 $0.0192',
    session: 'e84edad0',
    says: 'nobody was there to allow the use of Write, Bash',
    denied: ['Write', 'Bash'],
  },
  'g4-resume-with-budget': {
    code: 1,
    ends: 'budget event',
    usage: '200000 0 8000 $0.7200',
    session: 'd4ab9294',
    says: 'Reached maximum budget ($0.5)',
  },
  'h1-include-partial-messages': {
    code: 0,
    ends: 'ok event',
    usage: '4000 0 50 $0.0128',
    session: 'ca1a3919',
    says: 'All done.',
  },
  'i1-stream-json-input-interrupt': {
    code: 0,
    ends: 'ok event',
    usage: '2000 0 56 $0.0068',
    session: 'c42b3d2b',
    says: 'second answer',
  },
};
const codex: Record<string, Expected> = {
  'a-happy': { code: 0, ends: 'ok event', usage: '6000 2800 80', session: '01a1fb69', says: 'All done.' },
  'a2-apply-patch-gpt-5.5': {
    code: 0,
    ends: 'ok event',
    usage: '5000 1900 110',
    session: '01a1fb63',
    says: 'All done.',
  },
  'b1-resumed': { code: 0, ends: 'ok event', usage: '6000 2800 80', session: '01a1fb3f', says: 'All done.' },
  'b2-killed-in-tool': {
    code: 137,
    ends: 'failed exit',
    usage: null,
    session: '01a1fb3f',
    says: 'ended with exit code 137 and without a result',
  },
  'b3-resume-unknown': {
    code: 1,
    ends: 'session_lost text',
    usage: null,
    session: null,
    says: 'Error: thread/resume: thread/resume failed: no rollout found',
  },
  'c1-429-503-500-midstream-then-ok': {
    code: 1,
    ends: 'overloaded event',
    usage: null,
    session: '01a1fb3f',
    says: 'Selected model is at capacity. Please try a different model.',
  },
  'c1b-forever-503': {
    code: 1,
    ends: 'overloaded event',
    usage: null,
    session: '01a1fb3f',
    says: 'unexpected status 503 Service Unavailable: The server is ove',
  },
  'c2-usage-limit': {
    code: 1,
    ends: 'limit event',
    usage: null,
    session: '01a1fb3f',
    says: 'You’ve hit your usage limit. Upgrade to Pro (https://chatgpt',
    retry_at: '2026-11-21T02:18:00.000Z',
  },
  'd1-auth-401': {
    code: 1,
    ends: 'auth event',
    usage: null,
    session: '01a1fb3f',
    says: 'unexpected status 401 Unauthorized: Incorrect API key provid',
  },
  'd2-no-key': {
    code: 1,
    ends: 'auth event',
    usage: null,
    session: '01a1fb40',
    says: 'Missing environment variable: `FAKE_KEY`.',
  },
  'e1-hang-before-headers-idle5s': {
    code: 137,
    ends: 'failed exit',
    usage: null,
    session: '01a1fb41',
    says: 'ended with exit code 137 and without a result',
  },
  'e2-stall-mid-stream-idle5s': {
    code: 1,
    ends: 'network event',
    usage: null,
    session: '01a1fb41',
    says: 'stream disconnected before completion: idle timeout waiting ',
  },
  'e4-long-silent-tool-45s': {
    code: 0,
    ends: 'ok event',
    usage: '4000 1900 60',
    session: '01a1fb42',
    says: 'All done.',
  },
  'f-SIGINT-in-model': {
    code: 1,
    ends: 'failed exit',
    usage: null,
    session: '01a1fb42',
    says: 'ended with exit code 1 and without a result',
  },
  'f-SIGTERM-in-model': {
    code: 143,
    ends: 'failed exit',
    usage: null,
    session: '01a1fb42',
    says: 'ended with exit code 143 and without a result',
  },
  'f-SIGTERM-in-tool': {
    code: 143,
    ends: 'failed exit',
    usage: null,
    session: '01a1fb42',
    says: 'ended with exit code 143 and without a result',
  },
  'g1-sandbox-default': {
    code: 0,
    ends: 'ok event',
    usage: '6000 2800 80',
    session: '01a1fb42',
    says: 'All done.',
  },
  'g1-sandbox-read-only': {
    code: 0,
    ends: 'ok event',
    usage: '6000 2800 80',
    session: '01a1fb42',
    says: 'All done.',
  },
  'g2-not-a-git-repo': {
    code: 1,
    ends: 'startup text',
    usage: null,
    session: null,
    says: 'Not inside a trusted directory and --skip-git-repo-check was',
  },
  'h1-usage-after-resume': {
    code: 0,
    ends: 'ok event',
    usage: '6000 3800 20',
    session: '01a1fb42',
    says: 'All done.',
  },
};
const gemini: Record<string, Expected> = {
  'a-happy': { code: 0, ends: 'ok event', usage: '6000 2800 80', session: '91a92dde', says: 'All done.' },
  'b1-killed-mid-stream': {
    code: 137,
    ends: 'failed exit',
    usage: null,
    session: '11111111',
    says: 'ended with exit code 137 and without a result',
  },
  'b1-resumed-latest': {
    code: 0,
    ends: 'ok event',
    usage: '3000 1900 10',
    session: '11111111',
    says: 'All done.',
  },
  'b2-killed-in-tool': {
    code: 137,
    ends: 'failed exit',
    usage: null,
    session: '6ac4f354',
    says: 'ended with exit code 137 and without a result',
  },
  'b3-resume-unknown': {
    code: 42,
    ends: 'startup exit',
    usage: null,
    session: null,
    says: 'ended with exit code 42 and without a result: Error resuming',
  },
  'b5-resume-other-cwd': {
    code: 42,
    ends: 'startup exit',
    usage: null,
    session: null,
    says: 'ended with exit code 42 and without a result: Error resuming',
  },
  'c2-usage-limit-daily': {
    code: 173,
    ends: 'limit event',
    usage: '1000 0 40',
    session: 'f40ba48a',
    says: 'You have exhausted your daily quota on this model.',
  },
  'c2-usage-limit-plain429': {
    code: 173,
    ends: 'limit event',
    usage: '1000 0 40',
    session: '32361bcd',
    says: 'Resource has been exhausted (e.g. check quota).',
  },
  'd2-401': {
    code: 145,
    ends: 'auth event',
    usage: '0 0 0',
    session: '27c90a61',
    says: 'Request had invalid authentication credentials.',
  },
  'd3-403': {
    code: 147,
    ends: 'auth event',
    usage: '0 0 0',
    session: '5b517a12',
    says: 'Permission denied.',
  },
  'd5-conn-refused': {
    code: 137,
    ends: 'network text',
    usage: null,
    session: '9a89ba40',
    says: 'Attempt 6 failed. Retrying with backoff... Error: exception ',
  },
  'e1-hang-before-headers': {
    code: 1,
    ends: 'network event',
    usage: '1000 0 40',
    session: '57e80136',
    says: 'exception TypeError: fetch failed sending request',
  },
  'e4-long-silent-tool-45s': {
    code: 0,
    ends: 'ok event',
    usage: '4000 1900 60',
    session: '9b1c8005',
    says: 'All done.',
  },
  'f-SIGINT-in-model': {
    code: 0,
    ends: 'failed exit',
    usage: null,
    session: '95d48ae6',
    says: 'ended with exit code 0 and without a result',
  },
  'f-SIGTERM-in-model': {
    code: 0,
    ends: 'failed exit',
    usage: null,
    session: 'b8321b4c',
    says: 'ended with exit code 0 and without a result',
  },
  'f-SIGTERM-in-tool': {
    code: 0,
    ends: 'failed exit',
    usage: null,
    session: 'e9bc4128',
    says: 'ended with exit code 0 and without a result',
  },
  'g1-maxSessionTurns-2': {
    code: 53,
    ends: 'budget event',
    usage: '2000 0 90',
    session: '599bd4b7',
    says: 'Reached max session turns for this session. Increase the num',
  },
  'g2-default-approval': {
    code: 144,
    ends: 'failed event',
    usage: '0 0 0',
    session: 'cd363e71',
    says: 'Error: no write tool among update_topic,list_directory,read_',
  },
  'h1-usage-after-resume': {
    code: 0,
    ends: 'ok event',
    usage: '3000 1900 10',
    session: 'b8398464',
    says: 'All done.',
  },
};

const opencode: Record<string, Expected> = {
  'a-happy': {
    code: 0,
    ends: 'ok event',
    usage: '6000 2800 80 $0.0116',
    session: 'ses_e049',
    says: 'All done.',
  },
  'b1-killed-mid-stream': {
    code: 137,
    ends: 'failed exit',
    usage: '1000 0 40 $0.0036 or more',
    session: 'ses_e04a',
    says: 'ended with exit code 137 and without a result',
  },
  'b2-killed-in-tool': {
    code: 137,
    ends: 'failed exit',
    usage: '1000 0 40 $0.0036 or more',
    session: 'ses_e04a',
    says: 'ended with exit code 137 and without a result',
  },
  'b2-resumed': {
    code: 0,
    ends: 'ok event',
    usage: '5000 2800 40 $0.0080',
    session: 'ses_e04a',
    says: 'All done.',
  },
  'b5-resume-other-cwd': {
    code: 137,
    ends: 'failed exit',
    usage: null,
    session: null,
    says: 'ended with exit code 137 and without a result',
  },
  'c1-429-529-500-then-ok': {
    code: 0,
    ends: 'ok event',
    usage: '6000 2800 80 $0.0116',
    session: 'ses_e04a',
    says: 'All done.',
  },
  'c2-usage-limit-retry-after-3h': {
    code: 137,
    ends: 'failed exit',
    usage: '1000 0 40 $0.0036 or more',
    session: 'ses_e04a',
    says: 'ended with exit code 137 and without a result',
  },
  'd1-401': {
    code: 1,
    ends: 'auth event',
    usage: null,
    session: 'ses_e04a',
    says: 'Incorrect API key provided: test-key.',
  },
  'd3-unknown-model': {
    code: 1,
    ends: 'failed event',
    usage: null,
    session: 'ses_e04a',
    says: 'Unexpected server error. Check server logs for details.',
  },
  'd5-conn-refused': {
    code: 1,
    ends: 'network event',
    usage: null,
    session: 'ses_e04a',
    says: 'Cannot connect to API: Unable to connect. Is the computer ab',
  },
  'e2-stall-mid-stream': {
    code: 137,
    ends: 'failed exit',
    usage: null,
    session: 'ses_e04a',
    says: 'ended with exit code 137 and without a result',
  },
  'e4-long-silent-tool-45s': {
    code: 0,
    ends: 'ok event',
    usage: '4000 1900 60 $0.0078',
    session: 'ses_e04a',
    says: 'All done.',
  },
  'f-SIGINT-in-tool': {
    code: 130,
    ends: 'failed exit',
    usage: '1000 0 40 $0.0036 or more',
    session: 'ses_e04a',
    says: 'ended with exit code 130 and without a result',
  },
  'f-SIGTERM-in-model': {
    code: 143,
    ends: 'failed exit',
    usage: '1000 0 40 $0.0036 or more',
    session: 'ses_e04a',
    says: 'ended with exit code 143 and without a result',
  },
  'f5-background-children-at-end': {
    code: 0,
    ends: 'ok event',
    usage: '4000 1900 60 $0.0078',
    session: 'ses_e04a',
    says: 'All done.',
  },
  'g1-agent-steps-2': {
    code: 0,
    ends: 'ok event',
    usage: '8000 2800 180 $0.0191',
    session: 'ses_e04a',
    says: 'All done.',
  },
  'g3-permission-ask-auto': {
    code: 0,
    ends: 'ok event',
    usage: '6000 2800 80 $0.0116',
    session: 'ses_e04a',
    says: 'All done.',
  },
  'h1-usage-after-resume': {
    code: 0,
    ends: 'ok event',
    usage: '3000 1900 10 $0.0040',
    session: 'ses_e04a',
    says: 'All done.',
  },
};

/** What codex says when it is spoken with; the lines of the server alone. */
const codexServer: Record<string, Expected> = {
  'auth-401': {
    code: 0,
    ends: 'auth event',
    usage: null,
    session: '01a1fb61',
    says: 'unexpected status 401 Unauthorized: Incorrect API key, url: ',
  },
  '429-then-ok': { code: 0, ends: 'ok event', usage: '3000 0 10', session: '01a1fb61', says: 'All done.' },
  'a-happy': { code: 0, ends: 'ok event', usage: '3000 0 10', session: '01a1fb61', says: 'All done.' },
  interrupted: {
    code: 0,
    ends: 'failed exit',
    usage: '6000 900 80 or more',
    session: '01a1fb61',
    says: 'its turn was interrupted',
  },
  resumed: { code: 0, ends: 'ok event', usage: '3000 0 10', session: '01a1fb61', says: 'All done.' },
  'usage-limit': {
    code: 0,
    ends: 'limit event',
    usage: '1000 0 40',
    session: '01a1fb61',
    says: 'You’ve hit your usage limit. Upgrade to Pro (https://chatgpt',
    retry_at: '2026-11-21T02:53:25.000Z',
  },
};

/** Whose reader it is, where the recordings are not named after it. */
const BACKEND: Readonly<Record<string, Backend>> = { 'codex-app-server': 'codex' };

const tables = { claude, codex, 'codex-app-server': codexServer, gemini, opencode };
describe.each(Object.entries(tables))('%s', (agent, table) => {
  it('has a row for each recording', () => {
    expect(Object.keys(table).sort()).toEqual(recordings(agent));
  });

  it.each(Object.entries(table))('%s', (name, expected) => {
    const { lines, code } = recording(agent, name);
    const conversation = AGENTS[BACKEND[agent] ?? (agent as Backend)]([agent]).open()!;
    for (const line of lines) conversation.feed(line);
    const report = conversation.end({ code, ended_ms: ENDED, time_zone: 'UTC' });
    const { usage } = report;
    const tokens = usage && `${usage.input_tokens} ${usage.cached_input_tokens} ${usage.output_tokens}`;
    const cost = usage?.cost_usd == null ? '' : ` $${usage.cost_usd.toFixed(4)}`;
    const seen: Expected = {
      code,
      ends: `${report.outcome} ${report.evidence}`,
      usage: usage && `${tokens}${cost}${usage.partial ? ' or more' : ''}`,
      session: report.sessions[0]?.slice(0, 8) ?? null,
      says: (report.detail ?? report.last_message).slice(0, 60),
      ...(report.retry_at ? { retry_at: report.retry_at } : {}),
      ...(report.denied.length > 0 ? { denied: report.denied } : {}),
    };
    expect(seen).toEqual(expected);
    expect([report.unknown, report.unreadable, report.sessions.length]).toEqual([
      {},
      0,
      expected.session === null ? 0 : 1,
    ]);
  });
});
