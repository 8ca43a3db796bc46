/** What the end of a gate's process means: its evidence, or that it has judged nothing and is asked again. Pure. */
import type { Claim, NewEvent } from '../contract/event.ts';
import type { Outcome } from '../contract/status.ts';
import { close } from './attempt.ts';
import type { Effect, EndFacts } from './effect.ts';
import { brokenOff, byExitCode, clip, evidenceOf, undecided } from './evidence.ts';
import { type Gate, gatesOf, MAX_GATE_DROPS } from './gates-of.ts';
import { saidByProgram, serviceOf } from './how-it-ended.ts';
import { unseenReason, withOldConfig } from './mutation.ts';
import { verdictOf } from './retry.ts';
import type { Attempt, Step, TaskState } from './state.ts';

export function endOfGate(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  effect: Extract<Effect, { type: 'end' }>,
  facts: EndFacts,
  nowMs: number,
): NewEvent[] | null {
  const run = attempt.gates.find(g => g.gate === effect.gate);
  if (!run?.live) return null;
  const at = { step: step.id, n: attempt.n, gate: run.gate, try: run.try };
  const gate = gatesOf(state, step)[run.gate]!;
  const { exit } = facts;
  const stopped = facts.ended_by_itself && exit ? null : effect.why;
  const ended_at = exit?.ended_at ?? facts.last_seen_at ?? run.started_at;
  const said = { session: facts.session, claimed: facts.claim && claimedTokens(facts.claim) };
  // It is asked again; a judge that there is no budget left for, when there is.
  const nothing = undecided(exit, stopped);
  if (nothing) return [{ type: 'gate_dropped', ...at, outcome: nothing, ended_at, ...said }];

  const service = stopped === 'timeout' ? serviceOf(facts) : null;
  const unable = stopped ? (service?.outcome ?? null) : unableToJudge(facts);
  if (unable) {
    const reason = service?.message ?? facts.claim?.summary ?? null;
    const judged = { ...attempt, claim: facts.claim };
    const dropped: NewEvent = { type: 'gate_dropped', ...at, outcome: unable, ended_at, ...said };
    // A check is cheap to make again; work is not, and waits for its judge.
    if (!attempt.work) return [dropped, ...close(state, step, judged, unable, reason, nowMs).events];
    const verdict = verdictOf(state, step, judged, unable, reason, nowMs);
    return [{ ...dropped, hold: { reason: reason === null ? null : clip(reason), ...verdict } }];
  }

  // Nor has one whose own budget ended it; but what never suffices would be asked for ever.
  if (!stopped && saidByProgram(facts) === 'budget' && run.dropped + 1 < MAX_GATE_DROPS)
    return [{ type: 'gate_dropped', ...at, outcome: 'budget', ended_at, ...said }];

  let reason = stopped === 'result' ? verdictReason(facts) : brokenOff(gate, exit, stopped);
  if (stopped === null && reason === null) {
    const is_command = gate.kind === 'run' || gate.kind === 'setup';
    const judged = () =>
      exit!.code === 0 ? verdictReason(facts) : noVerdict(facts, `exit code ${exit!.code}`);
    reason = is_command ? byExitCode(gate, exit!) : judged();
  }
  if (gate.place === 'mutation' && gate.kind === 'run') reason = unseenReason(reason, exit, stopped !== null);
  if (gate.place === 'base-config' && reason !== null) reason += ` ${withOldConfig(configOf(attempt))}`;
  const passed = reason === null;
  const { commit, tree } = attempt.sealed ?? { commit: attempt.from, tree: null };
  const evidence = evidenceOf(
    gate,
    { commit, tree },
    {
      reason,
      tolerated: !passed && isTolerated(state, step, attempt, gate),
      // Tests and configuration may have been changed for a good reason; that is not for an agent to say.
      needs_person: !passed && (gate.variant === 'base_tests' || gate.place === 'base-config'),
      findings: [
        ...(facts.claim?.issues ?? []).map(text => ({ kind: gate.kind, path: null, line: null, text })),
        ...(passed || gate.variant !== 'base_tests' ? [] : facts.base_tests.map(baseTest)),
        ...(passed || gate.place !== 'base-config' ? [] : configOf(attempt).map(baseConfig)),
      ],
      code: exit?.code ?? null,
      duration_ms: Math.max(0, Date.parse(ended_at) - Date.parse(run.started_at) - run.paused_ms),
      log_sha256: facts.log_sha256,
      log_tail: facts.log_tail,
    },
  );
  return [{ type: 'gate_ended', ...at, evidence, ...said }];
}

const claimedTokens = ({ input_tokens, output_tokens }: Claim) => ({ input_tokens, output_tokens });

/** Why a judge may not have come to judge, through nobody's fault: that is waited for. */
const UNABLE: ReadonlySet<Outcome> = new Set(['limit', 'overloaded', 'network', 'auth', 'startup']);

/**
 * A judge that met a limit or could not log in has judged nothing: to call that a refusal would send the work back to
 * the coder for nothing. Only the word of its program counts, not what it says of itself.
 */
function unableToJudge(facts: EndFacts): Outcome | null {
  const outcome = saidByProgram(facts);
  return outcome && UNABLE.has(outcome) ? outcome : null;
}

/** Review and QA fail closed: no verdict, a crash or an unreadable answer is not an approval. */
function verdictReason(facts: EndFacts): string | null {
  if (facts.claim_problem) return noVerdict(facts, '');
  if (!facts.claim?.verdict) return 'no verdict in the result file';
  return facts.claim.verdict === 'approved'
    ? null
    : `changes requested: ${facts.claim.summary || facts.claim.issues[0] || 'no words'}`;
}

const noVerdict = (facts: EndFacts, how: string) => `no verdict: ${facts.claim_problem ?? how}`;

function isTolerated(state: TaskState, step: Step, attempt: Attempt, gate: Gate): boolean {
  // What is found out there stops nobody.
  if (gate.place === 'mutation') return true;
  if (gate.kind !== 'run' || gate.variant === 'base_config') return false;
  if (step.kind === 'baseline') return state.spec.baseline === 'allow';
  // What is red bears out nothing that a plan claims.
  if (step.kind === 'subtask' && !attempt.work) return false;
  if (gate.variant === 'base_tests' && state.accepted !== null && state.accepted === attempt.from)
    return true;
  return state.tolerated.includes(gate.run!.name);
}

const configOf = ({ sealed, base_config }: Attempt): string[] =>
  (sealed ?? { base_config }).base_config ?? [];

const baseConfig = (path: string) => ({
  kind: 'base_config',
  path,
  line: null,
  text: 'decides what the gate means, and was as a person knows it, not as it is now',
});

const baseTest = (path: string) => ({
  kind: 'base_test',
  path,
  line: null,
  text: 'the test of the base commit was run in place of the one of today',
});
