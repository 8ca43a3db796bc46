/** What is made of an agent's words and its program's. */
import { expect, it } from 'vitest';
import type { AgentOutcome, AgentReport } from '../../../src/agents/agent.ts';
import { claimOf } from '../../../src/agents/claim-of.ts';
import type { ReadResult } from '../../../src/agents/result-file.ts';
import type { Claim } from '../../../src/contract/event.ts';

const claim = (more: Partial<Claim> = {}): Claim => ({
  status: 'done',
  summary: 'wrote it',
  retry_at: null,
  decisions: ['a'],
  learnings: [],
  verdict: null,
  issues: [],
  input_tokens: 1,
  output_tokens: 2,
  ...more,
});
const file = (more: Partial<ReadResult> = {}): ReadResult => ({
  claim: null,
  problem: null,
  plan: undefined,
  ...more,
});
const report = (outcome: AgentOutcome, more: Partial<AgentReport> = {}): AgentReport => ({
  outcome,
  evidence: 'event',
  detail: outcome === 'ok' ? null : `it was ${outcome}`,
  retry_at: null,
  sessions: ['s'],
  usage: null,
  heard: true,
  last_message: 'All done.',
  denied: [],
  unknown: {},
  unreadable: 0,
  ...more,
});

it('a program that says nothing: the file, else the tags', () => {
  expect(claimOf(null, file({ claim: claim() }), null)).toEqual({ claim: claim(), problem: null });
  expect(claimOf(null, file(), claim({ summary: 'tag' })).claim?.summary).toBe('tag');
  expect(claimOf(null, file({ problem: 'not JSON' }), null)).toEqual({ claim: null, problem: 'not JSON' });
});

it('ended well: the file, else the last words, and a file that is broken is a failure', () => {
  expect(claimOf(report('ok'), file({ claim: claim() }), null).claim?.summary).toBe('wrote it');
  expect(claimOf(report('ok'), file(), null).claim).toMatchObject({ status: 'done', summary: 'All done.' });
  expect(claimOf(report('ok'), file({ problem: 'not JSON' }), null).problem).toBe('not JSON');
  const blocked = file({ claim: claim({ status: 'blocked', summary: 'which port?' }) });
  expect(claimOf(report('ok'), blocked, null).claim).toMatchObject({
    status: 'blocked',
    summary: 'which port?',
  });
});

it.each(['limit', 'overloaded', 'network', 'auth', 'context', 'budget', 'startup'] as const)(
  'a program that says %s is stronger than a file that says done; its memory is kept',
  outcome => {
    const retry_at = '2026-11-21T02:18:00.000Z';
    const said = claimOf(report(outcome, { retry_at }), file({ claim: claim() }), null);
    expect(said.problem).toBeNull();
    expect(said.claim).toMatchObject({
      status: outcome,
      summary: `it was ${outcome}`,
      retry_at,
      decisions: ['a'],
    });
  },
);

it('a session that broke off has failed, unless the agent had spoken against its work', () => {
  expect(claimOf(report('failed'), file({ claim: claim() }), null).problem).toBe('it was failed');
  expect(claimOf(report('failed'), file(), null).problem).toBe('it was failed');
  const said = claimOf(report('failed'), file({ claim: claim({ status: 'blocked' }) }), null);
  expect([said.problem, said.claim?.status]).toEqual([null, 'blocked']);
});

it('refused tools are a question, unless the agent got as far as its result without them', () => {
  expect(claimOf(report('asked'), file(), null).claim).toMatchObject({
    status: 'blocked',
    summary: 'it was asked',
  });
  expect(claimOf(report('asked'), file({ claim: claim() }), null).claim?.status).toBe('done');
});

it('the meter of the program is believed before the agent’s own', () => {
  const usage = {
    input_tokens: 100,
    cached_input_tokens: 50,
    output_tokens: 7,
    cost_usd: null,
    partial: false,
  };
  for (const outcome of ['ok', 'limit', 'failed'] as const)
    expect(claimOf(report(outcome, { usage }), file({ claim: claim() }), null).claim).toMatchObject({
      input_tokens: 100,
      output_tokens: 7,
    });
  expect(claimOf(report('ok'), file({ claim: claim() }), null).claim?.input_tokens).toBe(1);
});
