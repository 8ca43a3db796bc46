/** What the end of an attempt's work means: its outcome, and why. Pure. */
import type { NewEvent } from '../contract/event.ts';
import type { Outcome, StopReason } from '../contract/status.ts';
import { commandOf } from '../contract/work.ts';
import { budgetText } from './budget.ts';
import type { EndFacts } from './effect.ts';
import { clip } from './evidence.ts';
import { subtaskIn } from './gates-of.ts';
import { BY_CLAIM, BY_ENDING, serviceOf, unstarted } from './how-it-ended.ts';
import { toldLive } from './notes.ts';
import type { Attempt, Step, TaskState } from './state.ts';

export function endOfWork(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  facts: EndFacts,
): NewEvent[] | null {
  if (attempt.phase === 'ended' || attempt.phase === 'sealed' || attempt.phase === 'closed') return null;
  const { outcome, message } = outcomeOf(state, step, attempt, facts);
  return [
    ...toldLive(state, step, attempt, facts.notes_said),
    {
      type: 'attempt_ended',
      step: step.id,
      n: attempt.n,
      outcome,
      code: facts.exit?.code ?? null,
      signal: facts.exit?.signal ?? null,
      ended_at: facts.exit?.ended_at ?? facts.last_seen_at ?? attempt.started_at ?? attempt.created_at,
      output_bytes: facts.output_bytes,
      dropped_bytes: facts.dropped_bytes,
      message: message === null ? null : clip(message),
      claim: facts.claim,
      cpu_ms: facts.exit?.cpu_ms ?? null,
      memory_peak_bytes: facts.exit?.memory_peak_bytes ?? null,
      session: facts.session,
      ...(facts.unreached?.length ? { unreached: facts.unreached } : {}),
    },
  ];
}

const BY_REASON: Record<Exclude<StopReason, 'result'>, Outcome> = {
  user: 'killed',
  cancel: 'killed',
  suspend: 'killed',
  timeout: 'timeout',
  idle: 'stalled',
  loop: 'stalled',
  budget: 'budget',
  runtime: 'budget',
  flood: 'flood',
  unready: 'failed',
  unhealthy: 'failed',
  done: 'ok',
};

function whyStopped({ want_by }: TaskState, { over, loop, why }: Attempt, reason: StopReason): string {
  if (reason === 'budget' && over) return budgetText(over);
  if (reason === 'loop' && loop !== null)
    return `stopped: it made the same call again and again, got the same answer and changed nothing: ${loop}`;
  if (why !== undefined) return why;
  if (reason === 'user' && want_by === 'shutdown') return 'stopped: the supervisor was shut down';
  return `stopped: ${reason}`;
}

/** How the work ended: what a service is to blame for, our own stop, then what the agent claims against itself, then the exit code. */
function outcomeOf(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  facts: EndFacts,
): { outcome: Outcome; message: string | null } {
  const { exit } = facts;
  const stopped = facts.ended_by_itself && exit ? null : attempt.stop_reason;
  if (stopped === 'done') return { outcome: 'ok', message: null };
  if (stopped && stopped !== 'result') {
    const said = whyStopped(state, attempt, stopped);
    const why = step.kind === 'service' && BY_REASON[stopped] === 'failed' ? withTail(said, facts) : said;
    const service = stopped === 'timeout' || stopped === 'idle' ? serviceOf(facts) : null;
    if (service) return { outcome: service.outcome, message: `${service.message} (${why})` };
    return { outcome: BY_REASON[stopped], message: why };
  }
  if (!stopped) {
    if (!exit) return { outcome: 'lost', message: 'the runner ended without a record' };
    if (exit.ended_by) return BY_ENDING[exit.ended_by];
    if (exit.result === 'killed') return { outcome: 'lost', message: 'the runner was killed' };
    // Its runner could not make or read the files of the attempt, and has started nothing.
    if (exit.result === 'no_files') return { outcome: 'lost', message: 'its files could not be written' };
    if (exit.result !== 'exited')
      return { outcome: 'startup', message: unstarted(exit, programOf(state, step)) };
  }
  if (facts.claim_problem) return { outcome: 'failed', message: facts.claim_problem };
  const claimed = facts.claim ? BY_CLAIM[facts.claim.status] : undefined;
  // Where it should not have gone on with any, something else is wrong, and would be for ever.
  if (claimed === 'session_lost' && attempt.resume === null)
    return { outcome: 'failed', message: facts.claim!.summary || 'its session is not there' };
  if (claimed) return { outcome: claimed, message: facts.claim!.summary || null };
  // A service is done never: what ends by itself has not stayed up.
  if (step.kind === 'service')
    return { outcome: 'failed', message: withTail(`ended with exit code ${exit?.code}`, facts) };
  if (stopped || exit?.code === 0) return { outcome: 'ok', message: null };
  return { outcome: 'failed', message: `exit code ${exit?.code}` };
}

/** Of a service: what it said last is what its user looks for. */
const withTail = (message: string, { log_tail }: EndFacts) =>
  log_tail?.trim() ? `${message}; the end of its output:\n${log_tail.trim()}` : message;

/** Of a command; undefined: the program is that of an agent. */
function programOf(state: TaskState, step: Step): string | undefined {
  if (step.kind === 'setup') return state.spec.setup?.[0];
  const work = subtaskIn(state, step)?.do;
  return work && commandOf(work)?.[0];
}
