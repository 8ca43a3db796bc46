/**
 * settle: what came of an effect, as events. Pure. Gives null when the state has moved on meanwhile and the result is
 * no longer wanted.
 */
import type { Claim, GateEvidence, NewEvent } from '../contract/event.ts';
import type { Outcome, StopReason } from '../contract/status.ts';
import { close, closesOf, mayHaveStarted } from './attempt.ts';
import { budgetText } from './budget.ts';
import type { Effect, EndFacts, ExitFacts, Result } from './effect.ts';
import { type Gate, gatesOf, MAX_GATE_DROPS, subtaskOf } from './gates-of.ts';
import { unseenReason, withOldConfig } from './mutation.ts';
import { toldByPrompt, toldLive } from './notes.ts';
import { isToldOf, type Notified } from './notices.ts';
import { verdictOf } from './retry.ts';
import { type Attempt, type Refusal, type Step, stepOf, type TaskState } from './state.ts';

/** Longest reason why a person was not told; the state keeps a hundred of them. */
const MAX_DETAIL = 300;
/** A launch takes a moment. What takes longer was in trouble. */
const LATE_MS = 2000;
/** Longest text of one message, and of all findings, in an event: a line of the journal stays under 64 KiB. */
const MAX_MESSAGE = 2000;

export function settle(state: TaskState, effect: Effect, result: Result, nowMs: number): NewEvent[] | null {
  if (effect.type === 'merge') {
    if (result.type !== 'merge' || state.merge?.op !== effect.op) return null;
    return [{ type: 'merged', op: effect.op, ...result.merged }];
  }
  if (effect.type === 'rollback') {
    const { rollback } = state;
    if (result.type !== 'rollback' || rollback?.op !== effect.op) return null;
    const { commit, steps } = rollback;
    return [...closesOf(state, 'rolled back'), { type: 'rolled_back', commit, steps }];
  }
  if (effect.type === 'notify') {
    if (result.type !== 'notify' || isToldOf(state, effect.notice)) return null;
    return [notified(effect.notice, result)];
  }
  const step = stepOf(state, effect.step);
  const attempt = step.attempt;
  if (attempt?.n !== effect.n) return null;
  const at = { step: step.id, n: attempt.n };

  switch (result.type) {
    case 'prepare': {
      if (attempt.phase !== 'created') return null;
      const { workspace } = result;
      const events: NewEvent[] =
        workspace && !state.workspace ? [{ type: 'workspace_ready', ...workspace }] : [];
      const { record_key, setup, base_config, sources } = result;
      const known = {
        ...(setup === undefined ? {} : { setup }),
        ...(base_config === undefined ? {} : { base_config }),
        ...(sources === undefined ? {} : { sources }),
      };
      return [...events, { type: 'attempt_prepared', ...at, record_key, ...known }];
    }
    case 'launch':
      if (effect.type === 'launch' && effect.gate !== null)
        return lateGate(step, attempt, effect.gate, nowMs);
      if (effect.type !== 'launch' || attempt.phase !== 'prepared') return null;
      return [
        {
          ...{ type: 'attempt_started' as const, ...at, pid: result.pid },
          ...{ cage: result.cage, sandbox: result.sandbox, talks: result.talks },
        },
        ...toldByPrompt(state, step, attempt),
      ];
    case 'tell':
      if (effect.type !== 'tell' || !result.said) return null;
      return toldLive(state, step, attempt, [effect.note]);
    case 'end': {
      if (effect.type !== 'end') return null;
      const forged = forgeries(effect, result.facts);
      if (attempt.phase === 'ended' && effect.gate === null && mayHaveStarted(attempt)) {
        const { session } = result.facts;
        const { events } = close(state, step, attempt, 'startup', attempt.message, nowMs);
        return [
          ...forged,
          ...events.map(event => (event.type === 'attempt_closed' ? { ...event, session } : event)),
        ];
      }
      const ended =
        effect.gate === null
          ? endOfWork(state, step, attempt, result.facts)
          : endOfGate(state, step, attempt, effect, result.facts, nowMs);
      return ended && [...forged, ...ended];
    }
    case 'seal':
      return attempt.phase === 'ended' ? [{ type: 'attempt_sealed', ...at, sealed: result.sealed }] : null;
    case 'judge': {
      if (effect.type !== 'judge' || attempt.gates.some(g => g.gate === effect.gate && g.evidence))
        return null;
      return [{ type: 'gate_ended', ...at, gate: effect.gate, try: 1, evidence: clipped(result.evidence) }];
    }
    case 'mark_good': {
      // It would be good beyond the commit that the task goes back to.
      if (state.rollback) return null;
      if (effect.type !== 'mark_good' || attempt.phase !== 'sealed' || effect.k !== state.good.length + 1)
        return null;
      const closed = close(state, step, attempt, 'ok', null, nowMs).events;
      return [...closed, { type: 'step_completed', step: step.id, commit: effect.commit, good: effect.k }];
    }
    case 'accept_plan': {
      if (state.rollback || attempt.accepted || attempt.phase !== 'ended') return null;
      if (result.accepted) {
        const { plan, sha256 } = result.accepted;
        // The plan comes first: were only the first of these durable, the rest would still be to be done.
        return [
          { type: 'plan_frozen', plan, sha256, rev: state.plan_rev + 1, source: 'planner' },
          ...close(state, step, attempt, 'ok', null, nowMs).events,
          { type: 'step_completed', step: step.id, commit: null, good: null },
        ];
      }
      return close(state, step, attempt, 'failed', clip(result.problem ?? 'no plan'), nowMs).events;
    }
    case 'merge':
    case 'rollback':
    case 'notify':
      return null;
  }
}

/** A launch that had to wait for the machine has cost the gate none of its time. */
function lateGate(step: Step, attempt: Attempt, gate: number, nowMs: number): NewEvent[] | null {
  const run = attempt.gates.find(g => g.gate === gate);
  if (!run?.live) return null;
  const ms = nowMs - Date.parse(run.started_at) - run.paused_ms;
  if (ms < LATE_MS) return null;
  return [{ type: 'gate_delayed', step: step.id, n: attempt.n, gate, try: run.try, ms }];
}

const notified = (key: string, { ok, detail, failed }: Omit<Notified, 'key' | 't'>): NewEvent => ({
  type: 'notified',
  key,
  ok,
  detail: detail === null ? null : clip(detail).slice(0, MAX_DETAIL),
  ...(failed ? { failed } : {}),
});

/** Why an effect cannot be done. */
export type Failure = Omit<Refusal, 'op'>;

/** An effect that cannot be done, as events; null: it has to be tried again. */
export function settleFailure(
  state: TaskState,
  effect: Effect,
  failure: Failure,
  nowMs: number,
): NewEvent[] | null {
  if (effect.type === 'end' || effect.type === 'tell') return null;
  if (effect.type === 'merge' || effect.type === 'rollback') {
    const { op } = effect;
    return state[effect.type]?.op === op ? [{ type: `${effect.type}_refused`, op, ...failure }] : [];
  }
  // What went wrong, and what to do about it where that is known.
  const message = failure.hint ? `${failure.message}. ${failure.hint}` : failure.message;
  if (effect.type === 'notify')
    return isToldOf(state, effect.notice) ? [] : [notified(effect.notice, { ok: false, detail: message })];
  const step = stepOf(state, effect.step);
  const attempt = step.attempt;
  if (attempt?.n !== effect.n) return [];
  const at = { step: step.id, n: attempt.n };
  if (!isWanted(effect, attempt)) return [];
  const t = new Date(nowMs).toISOString();
  const text = clip(message);
  if (effect.type === 'launch' && effect.gate !== null) {
    const run = attempt.gates.find(g => g.gate === effect.gate);
    return run?.live
      ? [
          {
            type: 'gate_dropped',
            ...at,
            gate: run.gate,
            try: run.try,
            outcome: 'lost',
            ended_at: run.started_at,
          },
        ]
      : [];
  }
  if (attempt.work && (attempt.phase === 'created' || attempt.phase === 'prepared')) {
    const none = { code: null, signal: null, ended_at: t, output_bytes: 0, dropped_bytes: 0, claim: null };
    return [{ type: 'attempt_ended', ...at, outcome: 'startup', message: text, ...none }];
  }
  const full = `${step.id}, attempt ${attempt.n}: ${text}`;
  // What was worked is there, in the worktree or in a commit: the attempt stays open, and goes on from here.
  if (attempt.phase === 'ended' || attempt.phase === 'sealed') return blockedAt(state, step, full);
  const block = { why: 'config' as const, message: full };
  return [
    { type: 'attempt_closed', ...at, outcome: 'startup', reason: text, retry_at: null, wait: null, block },
  ];
}

/** The task needs a person, when nothing of it is alive any more; until then it is tried again. */
function blockedAt(state: TaskState, step: Step, message: string): NewEvent[] | null {
  const { name } = state.status;
  if (name === 'blocked' || name === 'interrupted') return [];
  if (state.steps.some(other => other !== step && other.attempt && mayLive(other.attempt))) return null;
  return [{ type: 'task_blocked', why: 'config', message, subtask: step.id }];
}

const mayLive = ({ phase, gates }: Attempt): boolean =>
  phase === 'running' || phase === 'stopping' || gates.some(gate => gate.live);

/** Whether the attempt still is where the effect was asked for; a stop may have come meanwhile. */
function isWanted(
  effect: Exclude<Effect, { type: 'merge' | 'rollback' | 'end' | 'tell' | 'notify' }>,
  attempt: Attempt,
): boolean {
  switch (effect.type) {
    case 'prepare':
      return attempt.phase === 'created';
    case 'launch':
      return effect.gate !== null || attempt.phase === 'prepared';
    case 'seal':
      return attempt.phase === 'ended';
    case 'judge':
      return attempt.gates.every(g => g.gate !== effect.gate);
    case 'mark_good':
      return attempt.phase === 'sealed';
    case 'accept_plan':
      return attempt.phase === 'ended' && !attempt.accepted;
  }
}

function forgeries({ step, n, gate }: Extract<Effect, { type: 'end' }>, { forged }: EndFacts): NewEvent[] {
  return forged.length === 0 ? [] : [{ type: 'records_forged', step, n, gate, what: forged.map(clip) }];
}

function endOfWork(state: TaskState, step: Step, attempt: Attempt, facts: EndFacts): NewEvent[] | null {
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
};

function whyStopped({ want_by }: TaskState, { over, loop }: Attempt, reason: StopReason): string {
  if (reason === 'budget' && over) return budgetText(over);
  if (reason === 'loop' && loop !== null)
    return `stopped: it made the same call again and again, got the same answer and changed nothing: ${loop}`;
  if (reason === 'user' && want_by === 'shutdown') return 'stopped: the supervisor was shut down';
  return `stopped: ${reason}`;
}

const BY_ENDING = {
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

const BY_CLAIM: Partial<Record<Claim['status'], Outcome>> = {
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
function serviceOf(facts: EndFacts): { outcome: Outcome; message: string } | null {
  const outcome = saidByProgram(facts);
  if (outcome && OF_SERVICE.has(outcome)) return { outcome, message: facts.claim?.summary || outcome };
  if (facts.session?.heard === false)
    return { outcome: 'network', message: 'the model has not answered the first request' };
  return null;
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
  if (stopped && stopped !== 'result') {
    const why = whyStopped(state, attempt, stopped);
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
  if (stopped || exit?.code === 0) return { outcome: 'ok', message: null };
  return { outcome: 'failed', message: `exit code ${exit?.code}` };
}

function endOfGate(
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
  const stopped = effect.why !== null && !(facts.ended_by_itself && exit);
  const ended_at = exit?.ended_at ?? facts.last_seen_at ?? run.started_at;
  const said = { session: facts.session, claimed: facts.claim && claimedTokens(facts.claim) };
  // A judge that there is no budget left for is asked again when there is.
  if (stopped && effect.why !== null && DROPPED.has(effect.why))
    return [{ type: 'gate_dropped', ...at, outcome: 'killed', ended_at, ...said }];
  if (!stopped && exit?.ended_by === 'machine')
    return [{ type: 'gate_dropped', ...at, outcome: 'killed', ended_at, ...said }];
  if (!stopped && (!exit || exit.result === 'killed'))
    return [{ type: 'gate_dropped', ...at, outcome: 'lost', ended_at, ...said }];

  // Its runner has started nothing.
  if (!stopped && exit?.result === 'no_files')
    return [{ type: 'gate_dropped', ...at, outcome: 'lost', ended_at, ...said }];

  const service = stopped && effect.why === 'timeout' ? serviceOf(facts) : null;
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

  let reason: string | null = null;
  if (stopped && effect.why === 'result') reason = verdictReason(facts);
  else if (stopped) reason = effect.why === 'timeout' ? 'timed out' : `stopped: ${effect.why}`;
  else if (exit!.ended_by) reason = BY_ENDING[exit!.ended_by].message;
  else if (exit!.result !== 'exited') reason = unstarted(exit!, gate.run?.run[0]);
  else if (gate.kind === 'run' || gate.kind === 'setup')
    reason = gate.run!.ok.includes(exit!.code ?? -1) ? null : `exit code ${exit!.code}`;
  else reason = exit!.code === 0 ? verdictReason(facts) : noVerdict(facts, `exit code ${exit!.code}`);
  if (gate.place === 'mutation' && gate.kind === 'run') reason = unseenReason(reason, exit, stopped);
  if (gate.place === 'base-config' && reason !== null) reason += ` ${withOldConfig(configOf(attempt))}`;
  const passed = reason === null;
  const evidence: GateEvidence = {
    name: gate.name,
    kind: gate.kind,
    passed,
    tolerated: !passed && isTolerated(state, step, attempt, gate),
    reason,
    // Tests and configuration may have been changed for a good reason; that is not for an agent to say.
    needs_person: !passed && (gate.variant === 'base_tests' || gate.place === 'base-config'),
    findings: [
      ...(facts.claim?.issues ?? []).map(text => ({ kind: gate.kind, path: null, line: null, text })),
      ...(passed || gate.variant !== 'base_tests' ? [] : facts.base_tests.map(baseTest)),
      ...(passed || gate.place !== 'base-config' ? [] : configOf(attempt).map(baseConfig)),
    ],
    argv: gate.run?.run ?? null,
    code: exit?.code ?? null,
    duration_ms: Math.max(0, Date.parse(ended_at) - Date.parse(run.started_at) - run.paused_ms),
    log_sha256: facts.log_sha256,
    log_tail: facts.log_tail,
    commit: attempt.sealed?.commit ?? attempt.from,
    tree: attempt.sealed?.tree ?? null,
  };
  return [{ type: 'gate_ended', ...at, evidence: clipped(evidence), ...said }];
}

/** Stopped for these, a gate has judged nothing. */
const DROPPED: ReadonlySet<StopReason | 'stale'> = new Set(['user', 'suspend', 'stale', 'budget']);

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

function saidByProgram({ claim, session }: EndFacts): Outcome | null {
  const outcome = claim && session ? BY_CLAIM[claim.status] : undefined;
  return outcome && session?.outcome === outcome ? outcome : null;
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

/** Of a command; undefined: the program is that of an agent. */
function programOf(state: TaskState, step: Step): string | undefined {
  if (step.kind === 'setup') return state.spec.setup?.[0];
  const work = step.kind === 'subtask' ? subtaskOf(state, step.id).do : null;
  return work && 'run' in work ? work.run[0] : undefined;
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

const clip = (text: string) => (text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)} …` : text);

function clipped(evidence: GateEvidence): GateEvidence {
  return {
    ...evidence,
    reason: evidence.reason === null ? null : clip(evidence.reason),
    findings: evidence.findings.slice(0, 20).map(f => ({ ...f, text: clip(f.text).slice(0, 500) })),
  };
}
