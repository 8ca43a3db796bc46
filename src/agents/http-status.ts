/** What an HTTP status of a model's server means for a session; the same for every agent. */
import type { AgentOutcome } from './agent.ts';

export function outcomeOfStatus(status: number): AgentOutcome {
  if (status === 401 || status === 402 || status === 403) return 'auth';
  // The model or the address does not exist; another try finds nothing else.
  if (status === 404) return 'startup';
  if (status === 408) return 'network';
  if (status === 413) return 'context';
  if (status === 429) return 'limit';
  return status >= 500 ? 'overloaded' : 'failed';
}
