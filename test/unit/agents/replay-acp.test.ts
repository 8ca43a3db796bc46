/**
 * Every recorded conversation over ACP through its reader: a row for each process of a recording, and for its first turn
 * alone where it has a second one, which was cancelled.
 */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AGENTS } from '../../../src/agents/index.ts';
import { acpSessions } from '../../support/acp-recordings.ts';

interface Expected {
  /** As the shell says it; 0 where it is left out. */
  code?: number;
  /** Outcome, and what says so. */
  ends: string;
  /** Input, cached input, output; cost. */
  usage: string | null;
  /** Beginning of the session's id. */
  session: string | null;
  /** Beginning of the detail, or of the last message. */
  says: string;
  /** Calls of tools that are over. */
  /** Calls of tools, and rounds of words without one. */
  calls: number;
}

const rows: Record<string, Expected> = {
  'claude-errors 1': {
    ends: 'auth event',
    usage: null,
    session: '73ca5c95',
    says: 'Authentication required',
    calls: 0,
  },
  'claude-errors 2': {
    ends: 'limit event',
    usage: null,
    session: '79cef954',
    says: 'API Error: Request rejected (429) · limit reached',
    calls: 0,
  },
  'claude-happy 1': {
    ends: 'failed event',
    usage: '6900 900 80 $0.0202 or more',
    session: 'dacc5c47',
    says: 'its turn was cancelled',
    calls: 3,
  },
  'claude-happy 2': {
    ends: 'ok event',
    usage: '1000 0 50',
    session: 'dacc5c47',
    says: 'after cancel',
    calls: 0,
  },
  'claude-happy 1a': {
    ends: 'ok event',
    usage: '6900 900 80 $0.0198',
    session: 'dacc5c47',
    says: 'All done.',
    calls: 2,
  },
  'claude-kill 1': {
    code: 137,
    ends: 'failed exit',
    usage: null,
    session: '326d7486',
    says: 'ended with exit code 137 and without a result',
    calls: 1,
  },
  'claude-kill 2': {
    ends: 'ok event',
    usage: '5900 900 40',
    session: '326d7486',
    says: 'All done.',
    calls: 1,
  },
  'codex-errors 1': {
    ends: 'auth event',
    usage: null,
    session: '01a1fb5d',
    says: 'Authentication required',
    calls: 0,
  },
  'codex-errors 2': {
    ends: 'limit event',
    usage: null,
    session: '01a1fb5d',
    says: 'You’ve hit your usage limit. Upgrade to Pro (https://chatgpt',
    calls: 0,
  },
  'codex-happy 1': {
    ends: 'failed event',
    usage: '6000 900 80 or more',
    session: '01a1fb5c',
    says: 'its turn was cancelled',
    calls: 3,
  },
  'codex-happy 2': {
    ends: 'ok event',
    usage: '1000 0 50',
    session: '01a1fb5c',
    says: 'after cancel',
    calls: 0,
  },
  'codex-happy 1a': {
    ends: 'ok event',
    usage: '6000 900 80',
    session: '01a1fb5c',
    says: 'All done.',
    calls: 2,
  },
  'codex-kill 1': {
    code: 137,
    ends: 'failed exit',
    usage: null,
    session: '01a1fb5e',
    says: 'ended with exit code 137 and without a result',
    calls: 1,
  },
  'codex-kill 2': {
    ends: 'ok event',
    usage: '5000 900 40',
    session: '01a1fb5e',
    says: 'All done.',
    calls: 1,
  },
  'gemini-errors 1': {
    ends: 'auth event',
    usage: null,
    session: 'c580884c',
    says: 'invalid api key',
    calls: 0,
  },
  'gemini-errors 2': {
    ends: 'limit event',
    usage: null,
    session: '0251eb74',
    says: 'You have exhausted your daily quota on this model.',
    calls: 0,
  },
  'gemini-happy 1': {
    ends: 'failed event',
    usage: '6000 0 80 or more',
    session: 'a077f2d1',
    says: 'its turn was cancelled',
    calls: 3,
  },
  'gemini-happy 2': {
    ends: 'session_lost event',
    usage: null,
    session: null,
    says: 'No previous sessions found for this project.',
    calls: 0,
  },
  'gemini-happy 1a': {
    ends: 'ok event',
    usage: '6000 0 80',
    session: 'a077f2d1',
    says: 'All done.',
    calls: 2,
  },
  'gemini-kill 1': {
    code: 137,
    ends: 'failed exit',
    usage: null,
    session: '7562554b',
    says: 'ended with exit code 137 and without a result',
    calls: 1,
  },
  'gemini-kill 2': {
    ends: 'session_lost event',
    usage: null,
    session: null,
    says: 'No previous sessions found for this project.',
    calls: 0,
  },
  'gemini-load 1': { ends: 'ok event', usage: '4000 0 50', session: '2dca8def', says: 'All done.', calls: 1 },
  'gemini-load 2': {
    ends: 'ok event',
    usage: '1000 0 50',
    session: '2dca8def',
    says: 'after load',
    calls: 0,
  },
  'opencode-errors 1': {
    ends: 'auth event',
    usage: '0 0 0 $0.0000 or more',
    session: 'ses_e04a',
    says: 'invalid api key',
    calls: 0,
  },
  'opencode-errors 2': {
    ends: 'failed exit',
    usage: null,
    session: 'ses_e04a',
    says: 'ended with exit code 0 and without a result',
    calls: 0,
  },
  'opencode-happy 1': {
    ends: 'failed event',
    usage: '3000 0 10 $0.0165 or more',
    session: 'ses_e04a',
    says: 'its turn was cancelled',
    calls: 3,
  },
  'opencode-happy 2': {
    ends: 'ok event',
    usage: '1000 0 50 or more',
    session: 'ses_e04a',
    says: 'after cancel',
    calls: 0,
  },
  'opencode-happy 1a': {
    ends: 'ok event',
    usage: '3000 0 10 $0.0165 or more',
    session: 'ses_e04a',
    says: 'All done.',
    calls: 2,
  },
  'opencode-kill 1': {
    code: 137,
    ends: 'failed exit',
    usage: null,
    session: 'ses_e04a',
    says: 'ended with exit code 137 and without a result',
    calls: 1,
  },
  'opencode-kill 2': {
    ends: 'ok event',
    usage: '3000 0 10 or more',
    session: 'ses_e04a',
    says: 'All done.',
    calls: 1,
  },
};

const names = readdirSync(new URL('../../data/agents/acp', import.meta.url)).map(name =>
  name.replace('.jsonl', ''),
);
const sessions = Object.fromEntries(
  names.flatMap(name => Object.entries(acpSessions(name)).map(([n, lines]) => [`${name} ${n}`, lines])),
);

function read(lines: readonly string[], code: number) {
  const conversation = AGENTS.acp(['agent']).open()!;
  for (const line of lines) conversation.feed(line);
  return { live: conversation.live(), report: conversation.end({ code, ended_ms: 0 }) };
}

describe('acp', () => {
  it('has a row for each session', () => {
    expect(Object.keys(rows).sort()).toEqual(Object.keys(sessions).sort());
  });

  it.each(Object.entries(rows))('%s', (name, expected) => {
    const { live, report } = read(sessions[name]!, expected.code ?? 0);
    const { usage } = report;
    const tokens = usage && `${usage.input_tokens} ${usage.cached_input_tokens} ${usage.output_tokens}`;
    const cost = usage?.cost_usd == null ? '' : ` $${usage.cost_usd.toFixed(4)}`;
    const seen: Expected = {
      ...(expected.code === undefined ? {} : { code: expected.code }),
      ends: `${report.outcome} ${report.evidence}`,
      usage: usage && `${tokens}${cost}${usage.partial ? ' or more' : ''}`,
      session: report.sessions[0]?.slice(0, 8) ?? null,
      says: (report.detail ?? report.last_message).slice(0, 60),
      calls: live.calls.length,
    };
    expect(seen).toEqual(expected);
    expect([report.unknown, report.unreadable, live.through]).toEqual([{}, 0, expected.ends === 'ok event']);
    expect(report.retry_at).toBe(null);
  });
});
