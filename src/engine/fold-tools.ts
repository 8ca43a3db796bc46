/** Small tools of the fold: edits of one step, one attempt or one gate, and moves of the task. Pure. */

import { type TaskStatus, TRANSITIONS } from '../contract/status.ts';
import { type Attempt, type GateRun, type Step, stepOf, type TaskState } from './state.ts';

export function move(state: TaskState, status: TaskStatus): TaskState {
  if (!TRANSITIONS[state.status.name].includes(status.name)) {
    throw new Error(
      `task ${state.id}: ${state.status.name} → ${status.name} is not a transition (event ${state.seq})`,
    );
  }
  return { ...state, status };
}

export function step(state: TaskState, id: string, edit: (s: Step) => Step): TaskState {
  // A task may have thousands: copied as a whole, not looked at one by one.
  const steps = state.steps.slice();
  const at = steps.indexOf(stepOf(state, id));
  steps[at] = edit(steps[at]!);
  return { ...state, steps };
}

/** A step that nobody works on and that is not over. */
export function given(state: TaskState, s: Step, to: string): Step {
  if (s.status !== 'pending' || s.attempt)
    throw new Error(`task ${state.id}: ${s.id} ${to} while ${s.status}`);
  return s;
}

export function openAttempt(state: TaskState, id: string, n: number): Attempt {
  const attempt = stepOf(state, id).attempt;
  if (attempt?.n !== n)
    throw new Error(`task ${state.id}: attempt ${id}/${n} is not open (open: ${attempt?.n ?? 'none'})`);
  return attempt;
}

export function editAttempt(
  state: TaskState,
  id: string,
  n: number,
  edit: (a: Attempt) => Attempt,
): TaskState {
  const attempt = openAttempt(state, id, n);
  return step(state, id, s => ({ ...s, attempt: edit(attempt) }));
}

export function phase(
  state: TaskState,
  event: { step: string; n: number; type: string },
  from: readonly Attempt['phase'][],
  edit: (a: Attempt) => Attempt,
): TaskState {
  return editAttempt(state, event.step, event.n, attempt => {
    if (!from.includes(attempt.phase)) {
      throw new Error(
        `task ${state.id}: ${event.type} of ${event.step}/${event.n} while it is ${attempt.phase}`,
      );
    }
    return edit(attempt);
  });
}

export function gate(
  state: TaskState,
  event: { step: string; n: number; gate: number },
  edit: (g: GateRun) => GateRun,
): TaskState {
  return editAttempt(state, event.step, event.n, attempt => {
    const known = attempt.gates.find(g => g.gate === event.gate);
    if (!known?.live)
      throw new Error(`task ${state.id}: gate ${event.gate} of ${event.step}/${event.n} is not running`);
    return { ...attempt, gates: attempt.gates.map(g => (g.gate === event.gate ? edit(g) : g)) };
  });
}

/** Nothing is alive while a task waits for the machine, although jobs may be about to start or to be seen as ended. */
export function standStill(state: TaskState, t: string): TaskState {
  const { active } = state;
  if (active.since === null) return state;
  // Ends that are still to be seen may have come at any time until now.
  const until = active.live > 0 ? t : (active.until ?? t);
  const spent = Math.max(0, Date.parse(until) - Date.parse(active.since));
  return { ...state, active: { ...active, since: null, until: null, total_ms: active.total_ms + spent } };
}

/** It goes on; what is about to start or to end counts again. */
export function goOn(state: TaskState, t: string): TaskState {
  const { active } = state;
  return active.live > 0 && active.since === null ? { ...state, active: { ...active, since: t } } : state;
}

/** Whether what runs for a step is active time of the task: what a service takes is none. */
export const isCounted = ({ kind }: Pick<Step, 'kind'>): boolean => kind !== 'service';

/** Counts active time: the wall clock during which at least one job runs. `at`: when it began or ended. */
export function live(state: TaskState, change: 1 | -1, at: string): TaskState {
  // A time after the event itself was read from a clock that was set back since.
  const t = at < state.updated_at ? at : state.updated_at;
  const { active } = state;
  const now = active.live + change;

  if (now < 0) throw new Error(`task ${state.id}: event ${state.seq} ends a job, and none is alive`);
  if (active.live === 0) return { ...state, active: { ...active, live: now, since: t, until: null } };
  if (change === 1) return { ...state, active: { ...active, live: now } };
  // Ends come in the order in which they are found, not in that in which they happened.
  const until = active.until && active.until > t ? active.until : t;
  if (now > 0) return { ...state, active: { ...active, live: now, until } };
  const spent = active.since ? Math.max(0, Date.parse(until) - Date.parse(active.since)) : 0;
  return {
    ...state,
    active: { ...active, live: 0, since: null, until: null, total_ms: active.total_ms + spent },
  };
}
