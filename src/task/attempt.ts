/**
 * One open attempt: what happens next with it. Pure, level-triggered: looks at what is true now, never at what just
 * happened, so that the first pass after a crash is an ordinary pass.
 *
 *   created ─prepare─► prepared ─launch─► running ─end─► ended ─seal─► sealed ─gates─► closed
 *                          │                 └─► stopping ─end─┘ (a ladder: TERM, KILL, verified empty)
 *                          └─ a check has no work: straight to its gates
 */
import type { Effect, JobFacts, Observed } from './effect.ts';
import type { NewEvent } from './event.ts';
import { type Gate, gatesOf, isAgentStep, subtaskOf } from './gates-of.ts';
import { resourceLimitsOf } from './resource-limits.ts';
import { verdictOf } from './retry.ts';
import { type Attempt, type GateRun, gateJob, type Step, type TaskState, workJob } from './state.ts';
import type { Outcome, StopReason } from './status.ts';

/** Gate tries that may be lost before the attempt is given up. */
export const MAX_GATE_DROPS = 3;
/** A cage that holds `limits.runtime` itself comes first; where it does not, the supervisor does so soon after. */
const RUNTIME_SLACK_MS = 500;
/**
 * Silence after the result of an agent from which its program is taken to hang: what it started keeps it from ending.
 */
export const RESULT_GRACE_MS = 30_000;
/** How often a task that waits for disk space looks again. */
export const DISK_PROBE_MS = 30_000;

export interface Next {
  events: NewEvent[];
  effects: Effect[];
  /** Look again at this time even if nothing is heard. */
  wake_ms: number | null;
}

const nothing: Next = { events: [], effects: [], wake_ms: null };
const record = (...events: NewEvent[]): Next => ({ events, effects: [], wake_ms: null });
const ask = (effect: Effect, wake_ms: number | null = null): Next => ({
  events: [],
  effects: [effect],
  wake_ms,
});

export function nextOfAttempt(state: TaskState, step: Step, attempt: Attempt, seen: Observed): Next {
  const at = { step: step.id, n: attempt.n };
  switch (attempt.phase) {
    case 'created':
      return ask({ type: 'prepare', key: `prepare:${workJob(at.step, at.n)}`, ...at });
    case 'prepared':
      if (!attempt.work) return gates(state, step, attempt, seen);
      if (state.want !== 'run') return record({ type: 'attempt_stopping', ...at, reason: wantedStop(state) });
      // A launch before a power cut may have left no trace; it is not repeated under the same number.
      if (attempt.boot !== state.boot) return ask(endOfWork(step, attempt, null, null));
      if (seen.suspending) return record({ type: 'attempt_stopping', ...at, reason: 'suspend' });
      if (seen.draining) return nothing;
      return ask({
        type: 'launch',
        key: `launch:${workJob(at.step, at.n)}`,
        job: workJob(at.step, at.n),
        ...at,
        gate: null,
      });
    case 'running':
      return running(state, step, attempt, seen);
    case 'stopping':
      return ask(endOfWork(step, attempt, state.force ? 'force' : 'grace', attempt.stop_reason));
    case 'ended':
      if (mayHaveStarted(attempt)) return ask(endOfWork(step, attempt, 'grace', null));
      if (!needsSeal(state, step, attempt)) return judged(state, step, attempt, seen);
      return maySeal(state, step)
        ? ask({ type: 'seal', key: `seal:${workJob(at.step, at.n)}`, ...at })
        : nothing;
    case 'sealed':
      return judged(state, step, attempt, seen);
    case 'closed':
      throw new Error(`a closed attempt is not open: ${state.id} ${step.id}/${attempt.n}`);
  }
}

function running(state: TaskState, step: Step, attempt: Attempt, seen: Observed): Next {
  const facts = seen.job(workJob(step.id, attempt.n));
  // A power cut may leave a claim without its runner's name, which looks like one that is about to say it.
  const is_gone = attempt.boot !== state.boot;
  if (is_gone || !facts || facts.exited || !facts.alive) return ask(endOfWork(step, attempt, null, null));
  const { reason, wake_ms } = stopReason(state, step, attempt, facts, seen);
  if (reason) return record({ type: 'attempt_stopping', step: step.id, n: attempt.n, reason });
  return { ...nothing, wake_ms };
}

function endOfWork(
  step: Step,
  attempt: Attempt,
  kill: 'grace' | 'force' | null,
  why: StopReason | null,
): Effect {
  const job = workJob(step.id, attempt.n);
  return { type: 'end', key: `end:${job}`, job, step: step.id, n: attempt.n, gate: null, kill, why };
}

const wantedStop = (state: TaskState): StopReason => (state.want === 'cancel' ? 'cancel' : 'user');

/** Whether running work has to be stopped, or when that would be. */
function stopReason(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  facts: Pick<JobFacts, 'last_output_at' | 'result_at' | 'flood'>,
  { now_ms: nowMs, suspending }: Observed,
): { reason: StopReason | null; wake_ms: number | null } {
  if (state.want !== 'run') return { reason: wantedStop(state), wake_ms: null };
  if (suspending) return { reason: 'suspend', wake_ms: null };
  if (facts.flood) return { reason: 'flood', wake_ms: null };
  const started = Date.parse(attempt.started_at ?? attempt.created_at);
  const deadlines: [StopReason, number][] = [];
  const { timeout, idle } = timeoutsOf(state, step);
  if (timeout !== null) deadlines.push(['timeout', started + timeout * 1000 + attempt.paused_ms]);
  const { runtime_max_seconds } = resourceLimitsOf(
    state.spec,
    step.kind === 'subtask' ? subtaskOf(state, step.id) : null,
  );
  if (runtime_max_seconds !== null)
    deadlines.push(['timeout', started + runtime_max_seconds * 1000 + RUNTIME_SLACK_MS]);
  const quiet_ms = Math.min(
    idle === null ? Number.POSITIVE_INFINITY : idle * 1000,
    facts.result_at === null ? Number.POSITIVE_INFINITY : RESULT_GRACE_MS,
  );
  if (Number.isFinite(quiet_ms)) {
    const signs = [facts.last_output_at, facts.result_at, state.last_jump_at].map(t =>
      t ? Date.parse(t) : 0,
    );
    deadlines.push(['idle', Math.max(started, ...signs) + quiet_ms]);
  }
  const runtime = runtimeLeftMs(state, nowMs);
  if (runtime !== null) deadlines.push(['runtime', nowMs + runtime]);
  const due = deadlines.find(([, ms]) => ms <= nowMs);
  if (due) {
    // It was through with its work; the gates tell what that is worth.
    const through = facts.result_at !== null && (due[0] === 'idle' || due[0] === 'timeout');
    return { reason: through ? 'result' : due[0], wake_ms: null };
  }
  return { reason: null, wake_ms: deadlines.length > 0 ? Math.min(...deadlines.map(([, ms]) => ms)) : null };
}

/** Seconds an attempt's work may last and may be silent; null: for ever. */
export function timeoutsOf(state: TaskState, step: Step): { timeout: number | null; idle: number | null } {
  const { session_timeout_seconds, idle_timeout_seconds } = state.spec.limits;
  const subtask = step.kind === 'subtask' ? subtaskOf(state, step.id) : null;
  return {
    timeout: subtask?.timeout_seconds ?? session_timeout_seconds,
    idle: subtask?.idle_timeout_seconds ?? idle_timeout_seconds,
  };
}

/** Active time that is left of max_runtime_seconds, counted since the last resume; null: no limit. */
export function runtimeLeftMs(state: TaskState, nowMs: number): number | null {
  const { max_runtime_seconds } = state.spec.limits;
  if (max_runtime_seconds === null) return null;
  const { active } = state;
  const open = active.since ? Math.max(0, nowMs - Date.parse(active.since)) : 0;
  return max_runtime_seconds * 1000 - (active.total_ms - active.before_ms + open);
}

/** It could not be launched; a runner that a supervisor before this one spawned may be on its way all the same. */
export function mayHaveStarted(attempt: Attempt): boolean {
  return attempt.outcome === 'startup' && attempt.prepared_at !== null && attempt.started_at === null;
}

/** Whether what the work left has to be committed before anything is judged. */
function needsSeal(state: TaskState, step: Step, attempt: Attempt): boolean {
  if (attempt.outcome === 'startup' && attempt.started_at === null) return false;
  return state.spec.workspace.kind === 'git' && step.kind !== 'plan' && step.kind !== 'setup';
}

/**
 * Commands of a git task may run side by side in the one worktree. What they left is committed when the last one is
 * out, and then for one after the other: every completed subtask names a commit that holds its work.
 */
function maySeal(state: TaskState, step: Step): boolean {
  const mine = state.steps.indexOf(step);
  return state.steps.every((other, index) => {
    if (other === step || !other.attempt?.work) return true;
    return other.attempt.phase === 'ended' && index > mine;
  });
}

function judged(state: TaskState, step: Step, attempt: Attempt, seen: Observed): Next {
  const outcome = attempt.outcome ?? 'lost';
  if (outcome !== 'ok' && !(outcome === 'budget' && canProve(state, step)))
    return close(state, step, attempt, outcome, attempt.message, seen.now_ms);
  if (step.kind === 'plan') {
    if (attempt.accepted) return completed(state, step, attempt, seen.now_ms);
    return ask({
      type: 'accept_plan',
      key: `plan:${workJob(step.id, attempt.n)}`,
      step: step.id,
      n: attempt.n,
    });
  }
  return gates(state, step, attempt, seen);
}

/** Work that was cut short by a budget may still be good; only gates that look at it can tell. */
function canProve(state: TaskState, step: Step): boolean {
  if (!isAgentStep(state, step) || step.kind === 'plan') return false;
  return gatesOf(state, step).some(
    gate => gate.kind === 'run' || gate.kind === 'review' || gate.kind === 'qa',
  );
}

function gates(state: TaskState, step: Step, attempt: Attempt, seen: Observed): Next {
  const list = gatesOf(state, step);
  for (const [index, gate] of list.entries()) {
    const run = attempt.gates.find(g => g.gate === index);
    if (run?.live) return liveGate(state, step, attempt, gate, run, seen);
    if (!run?.evidence) return startGate(state, step, attempt, index, gate, run ?? null, seen);
    if (!run.evidence.passed && !run.evidence.tolerated) {
      const outcome = attempt.outcome === 'budget' ? 'budget' : 'gate_failed';
      return close(
        state,
        step,
        attempt,
        outcome,
        `${run.evidence.name}: ${run.evidence.reason ?? 'refused'}`,
        seen.now_ms,
      );
    }
  }
  return passed(state, step, attempt, seen.now_ms);
}

function startGate(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  index: number,
  gate: Gate,
  run: GateRun | null,
  seen: Observed,
): Next {
  if (state.want !== 'run') return nothing;
  if (gate.kind === 'clean' || gate.kind === 'diff') {
    return ask({
      type: 'judge',
      key: `judge:${step.id}/${attempt.n}/${index}`,
      step: step.id,
      n: attempt.n,
      gate: index,
    });
  }
  if (run && run.dropped >= MAX_GATE_DROPS) {
    return close(
      state,
      step,
      attempt,
      'lost',
      `the ${gate.name} gate was lost ${run.dropped} times`,
      seen.now_ms,
    );
  }
  if (seen.slots <= 0 || seen.draining) return nothing;
  if (seen.disk_low) return { ...nothing, wake_ms: seen.now_ms + DISK_PROBE_MS };
  return record({
    type: 'gate_started',
    step: step.id,
    n: attempt.n,
    gate: index,
    try: (run?.try ?? 0) + 1,
    nonce: seen.nonce(),
  });
}

function liveGate(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  gate: Gate,
  run: GateRun,
  seen: Observed,
): Next {
  const job = gateJob(step.id, attempt.n, run.gate, run.try);
  const at = { job, step: step.id, n: attempt.n, gate: run.gate };
  const end = (kill: 'grace' | 'force' | null, why: StopReason | 'stale' | null) =>
    ask({ type: 'end', key: `end:${job}`, ...at, kill, why });
  const facts = seen.job(job);
  if (!facts?.claimed && run.epoch !== state.epoch) {
    // A supervisor before this one did not come to launch it, or a power cut took the trace: its time runs since then,
    // so it is not launched late. Without a folder there never was a runner; with one, a late runner is fenced off.
    if (facts) return end(null, 'stale');
    return record({
      type: 'gate_dropped',
      step: at.step,
      n: at.n,
      gate: at.gate,
      try: run.try,
      outcome: 'killed',
      ended_at: run.started_at,
    });
  }
  if (state.want !== 'run') return end(state.force ? 'force' : 'grace', 'user');
  if (seen.suspending) return end('grace', 'suspend');
  if (!facts?.claimed) return seen.draining ? nothing : ask({ type: 'launch', key: `launch:${job}`, ...at });
  if (run.boot !== state.boot || facts.exited || !facts.alive) return end(null, null);
  if (facts.flood) return end('grace', 'flood');
  const seconds = gate.run?.timeout_seconds ?? state.spec.limits.session_timeout_seconds;
  if (seconds === null) return nothing;
  const deadline = Date.parse(run.started_at) + seconds * 1000 + run.paused_ms;
  return deadline <= seen.now_ms ? end('grace', 'timeout') : { ...nothing, wake_ms: deadline };
}

function passed(state: TaskState, step: Step, attempt: Attempt, nowMs: number): Next {
  if (attempt.sealed) {
    const k = state.good.length + 1;
    const key = `good:${step.id}/${attempt.n}`;
    return ask({ type: 'mark_good', key, step: step.id, n: attempt.n, k, commit: attempt.sealed.commit });
  }
  return completed(state, step, attempt, nowMs);
}

function completed(state: TaskState, step: Step, attempt: Attempt, nowMs: number): Next {
  const closed = close(state, step, attempt, 'ok', null, nowMs);
  const commit = attempt.work ? null : attempt.from;
  return record(...closed.events, { type: 'step_completed', step: step.id, commit, good: null });
}

/** The final word on an attempt, with what follows for its step. */
export function close(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  outcome: Outcome,
  reason: string | null,
  nowMs: number,
): Next {
  const verdict =
    escalated(state, step, attempt, outcome) ?? verdictOf(state, step, attempt, outcome, reason, nowMs);
  const closed: NewEvent = {
    type: 'attempt_closed',
    step: step.id,
    n: attempt.n,
    outcome,
    reason,
    ...verdict,
  };
  const fix = state.steps.find(s => s.kind === 'fix');
  // What the final gates refuse goes to the agent once more before they are asked again.
  if (step.kind !== 'final' || outcome !== 'gate_failed' || verdict.block || !fix || fix.status === 'pending')
    return record(closed);
  // The reset comes first: were only the first of the two durable, closing the attempt would still be to be done.
  return record(
    { type: 'step_reset', step: fix.id, reason: reason ?? 'the final gates refused the result' },
    closed,
  );
}

/** QA that names the same issue again and again will not be satisfied by one more try: a person decides. */
function escalated(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  outcome: Outcome,
): ReturnType<typeof verdictOf> | null {
  if (outcome !== 'gate_failed' || !attempt.gates.some(g => g.evidence?.kind === 'qa' && !g.evidence.passed))
    return null;
  const times = state.spec.qa.recurring_issue_threshold;
  const again = Object.entries(state.issues).find(([, count]) => count >= times);
  if (!again) return null;
  const message = `${step.id}: QA named the same issue ${again[1]} times: ${again[0].slice(0, 200)} (see QA_ESCALATION.md)`;
  return { retry_at: null, wait: null, block: { why: 'review', message } };
}
