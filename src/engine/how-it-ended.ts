/** How a process came to its end, in outcomes and words: the same for the work of attempts and for gates. Pure. */
import type { Claim } from '../contract/event.ts';
import type { Outcome } from '../contract/status.ts';
import type { EndFacts, ExitFacts } from './effect.ts';

/** What ended a process from outside. */
export const BY_ENDING = {
  machine: {
    outcome: 'killed',
    message: 'stopped from outside: the machine went down, or its unit was stopped',
  },
  memory: {
    outcome: 'oom',
    message: 'out of memory: it used more than it may (limits.memory), or than there is',
  },
  runtime: { outcome: 'timeout', message: 'it ran for longer than limits.runtime allows' },
} as const satisfies Record<NonNullable<ExitFacts['ended_by']>, { outcome: Outcome; message: string }>;

/** What a claim against itself makes of an end. */
export const BY_CLAIM: Partial<Record<Claim['status'], Outcome>> = {
  blocked: 'asked',
  limit: 'limit',
  overloaded: 'overloaded',
  network: 'network',
  auth: 'auth',
  context: 'context',
  budget: 'budget',
  startup: 'startup',
  session_lost: 'session_lost',
};

/** What time and silence can be the fault of a service for. */
const OF_SERVICE: ReadonlySet<Outcome> = new Set(['limit', 'overloaded', 'network', 'auth']);

/**
 * Of a session that was stopped for its time or its silence: what its program says of a service that does not answer. Who
 * has heard nothing since the first request has nothing to say, and is no agent that stalls.
 */
export function serviceOf(facts: EndFacts): { outcome: Outcome; message: string } | null {
  const outcome = saidByProgram(facts);
  if (outcome && OF_SERVICE.has(outcome)) return { outcome, message: facts.claim?.summary || outcome };
  if (facts.session?.heard === false)
    return { outcome: 'network', message: 'the model has not answered the first request' };
  return null;
}

/** What the program of an agent itself says, which its agent cannot put into its mouth. */
export function saidByProgram({ claim, session }: EndFacts): Outcome | null {
  const outcome = claim && session ? BY_CLAIM[claim.status] : undefined;
  return outcome && session?.outcome === outcome ? outcome : null;
}

/** Why a runner did not start the command, by the word of its record. */
export function unstarted({ result, code }: Pick<ExitFacts, 'result' | 'code'>, program?: string): string {
  switch (result) {
    case 'outside':
      return 'its cwd leads out of the folder that it is for';
    case 'no_cwd':
      return 'its folder is not there, or cannot be entered';
    case 'not_found': {
      const name = program === undefined ? 'its program' : `the program "${program.toWellFormed()}"`;
      return code === 126 ? `${name} cannot be executed` : `${name} was not found`;
    }
    default:
      return result;
  }
}
