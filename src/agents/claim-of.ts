/**
 * What a session is taken to have said: its result file (or event tags), and what its program says about it. Pure. A
 * failure that the program reports is stronger than a `done` that the agent wrote before it; a word of the agent against
 * its own work is stronger than a program that ended well.
 */
import type { Claim } from '../contract/event.ts';
import type { AgentReport } from './agent.ts';
import { cleanSummary, type ReadResult } from './result-file.ts';

export interface Said {
  claim: Claim | null;
  /** Why nothing that was said can be used: the attempt failed. */
  problem: string | null;
}

const NOTHING: Claim = {
  status: 'done',
  summary: '',
  retry_at: null,
  decisions: [],
  learnings: [],
  verdict: null,
  issues: [],
  input_tokens: 0,
  output_tokens: 0,
};

/**
 * @param report null: the program says nothing about its sessions.
 * @param tags the seed's event tags, where there is no result file.
 */
export function claimOf(report: AgentReport | null, file: ReadResult, tags: Claim | null): Said {
  const own = file.claim ?? tags;
  if (report === null) return { claim: own, problem: file.problem };
  const said = spoken(report, own, file.problem);
  if (said.claim === null || report.usage === null) return said;
  const { input_tokens, output_tokens } = report.usage;
  return { ...said, claim: { ...said.claim, input_tokens, output_tokens } };
}

function spoken(report: AgentReport, own: Claim | null, problem: string | null): Said {
  const summary = cleanSummary(report.detail ?? '');
  switch (report.outcome) {
    case 'ok':
      if (problem !== null) return { claim: null, problem };
      return { claim: own ?? { ...NOTHING, summary: cleanSummary(report.last_message) }, problem: null };
    case 'asked':
      // What it was refused it did without, if it got as far as its result.
      if (own !== null && problem === null) return { claim: own, problem: null };
      return { claim: { ...NOTHING, status: 'blocked', summary }, problem: null };
    case 'failed':
      if (own !== null && own.status !== 'done') return { claim: own, problem: null };
      return { claim: own ?? NOTHING, problem: summary || 'the session failed' };
    default:
      return {
        claim: { ...(own ?? NOTHING), status: report.outcome, summary, retry_at: report.retry_at },
        problem: null,
      };
  }
}
