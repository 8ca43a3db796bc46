/** What a task comes to when nothing of it runs, may start or waits: completed, failed, or blocked. Pure. */
import type { NewEvent } from '../contract/event.ts';
import type { Next } from './attempt.ts';
import { finalGates, gatesOf, isAgentStep, subtaskIn } from './gates-of.ts';
import { loginRetryAt } from './login.ts';
import { turnedGreen } from './mutation.ts';
import { nameOf } from './needs.ts';
import { isDone } from './order.ts';
import { isService } from './service.ts';
import { staysUp } from './service-decide.ts';
import type { Step, TaskState } from './state.ts';

const record = (...events: NewEvent[]): Next => ({ events, effects: [], wake_ms: null });
const until = (wake_ms: number | null): Next => ({ events: [], effects: [], wake_ms });

export function blockedBy(state: TaskState, step: Step, nowMs: number): NewEvent {
  const { why, message } = step.block!;
  const retry_at = loginRetryAt(state, step, why, nowMs);
  return { type: 'task_blocked', why, message, subtask: step.id, retry_at };
}

/** Nothing runs, nothing may start, nothing waits. */
export function finish(state: TaskState, nowMs: number): Next {
  const final = state.steps.find(s => s.kind === 'final');
  const fix = state.steps.find(s => s.kind === 'fix');
  // One that is given up, or that a person has to see to, is told: those beside it do not hide that.
  if (staysUp(state) && !state.steps.some(s => isService(s) && (s.block || isGivenUp(state, s))))
    return until(null);
  const subtasks = state.steps.filter(s => s.kind === 'subtask');
  const last = state.good.at(-1)?.commit ?? state.workspace?.base ?? null;
  if (final?.status === 'completed' && final.commit !== last) {
    return record({ type: 'step_reset', step: final.id, reason: 'the work went on after the final check' });
  }
  if (
    subtasks.length > 0 &&
    subtasks.every(isDone) &&
    (!final || final.status === 'completed') &&
    (!fix || isDone(fix))
  ) {
    return record(...begun(state), {
      type: 'task_completed',
      verified: isVerified(state),
      commit: state.good.at(-1)?.commit ?? null,
    });
  }
  const waiting = state.steps.find(s => s.block && s.kind !== 'finally');
  if (waiting) return record(blockedBy(state, waiting, nowMs));
  const failed = state.steps.find(s => s.status === 'failed' && s.kind !== 'finally');
  if (!failed) {
    // Cannot be; but a task that moves no more must say so, and not wait for nobody.
    const message = 'nothing can be started and no reason is recorded; this is a bug in rasen';
    return record({ type: 'task_blocked', why: 'config', message, subtask: null });
  }
  const message = `${nameOf(failed)} failed: ${failed.reason ?? 'no reason given'}`;
  // What agents have done is not given up for a service.
  const is_agents = state.steps.some(s => s.kind === 'subtask' && isAgentStep(state, s));
  if ((failed.kind === 'subtask' && !isAgentStep(state, failed)) || (isService(failed) && !is_agents)) {
    const left = dependentsFirst(
      state,
      state.steps.filter(s => s.status === 'pending' && LEFT_OUT.has(s.kind)),
    );
    const skips: NewEvent[] = left.map(s => ({
      type: 'step_skipped',
      step: s.id,
      reason: `${nameOf(failed)} failed`,
    }));
    return record(...begun(state), ...skips, { type: 'task_failed', reason: message, subtask: failed.id });
  }
  const why = OF_CONFIG.has(failed.kind) ? 'config' : 'attempts';
  return record({ type: 'task_blocked', why, message, subtask: failed.id });
}

const isGivenUp = (state: TaskState, step: Step): boolean =>
  step.status === 'failed' && subtaskIn(state, step)?.on_fail === 'stop';

const LEFT_OUT: ReadonlySet<Step['kind']> = new Set(['subtask', 'service', 'final']);
const OF_CONFIG: ReadonlySet<Step['kind']> = new Set(['baseline', 'setup', 'plan', 'service']);

/** So that at no moment a skipped step makes room for one that needs it. */
function dependentsFirst(state: TaskState, steps: readonly Step[]): Step[] {
  const left = new Set(steps);
  const sorted: Step[] = [];
  while (left.size > 0) {
    const needed = new Set([...left].flatMap(s => subtaskIn(state, s)?.needs ?? []));
    for (const s of [...left].filter(({ id }) => !needed.has(id))) {
      left.delete(s);
      sorted.push(s);
    }
  }
  return sorted;
}

export const begun = (state: TaskState): NewEvent[] =>
  state.status.name === 'running' ? [] : [{ type: 'task_started' }];

/** Completed means verified only if a check of ours, and not the agent's word, says so for every subtask. */
function isVerified(state: TaskState): boolean {
  const checked = (step: Step) =>
    gatesOf(state, step).some(g => g.kind === 'run' || g.kind === 'review' || g.kind === 'qa');
  const agents = state.steps.filter(
    s => s.kind === 'subtask' && s.status === 'completed' && isAgentStep(state, s),
  );
  const final = state.steps.find(s => s.kind === 'final');
  const whole = final ? finalGates(state).length > 0 : false;
  if (state.tolerated.length > 0 || turnedGreen(state).length > 0) return false;
  return agents.every(s => checked(s) || whole);
}
