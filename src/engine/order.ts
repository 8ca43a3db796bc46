/** Which steps may start: what must be over, begun or ready before. Pure; made once a turn, since plans may be long. */
import type { NewEvent } from '../contract/event.ts';
import { subtaskIn } from './gates-of.ts';
import { isOfProject, type Needs, neverText } from './needs.ts';
import { isService } from './service.ts';
import { areWanted } from './service-decide.ts';
import type { Step, TaskState } from './state.ts';

export const isDone = (step: Step): boolean => step.status === 'completed' || step.status === 'skipped';

/** A step that waits for what can never come is left out: what it waited for did not fail, or was left out itself. */
export function neverComing(state: TaskState, needs: Needs): NewEvent | null {
  for (const step of state.steps) {
    if (step.status !== 'pending' || !LEAVES_OUT.has(step.kind)) continue;
    const need = needs.neverOf(step);
    // After a failure it stays: a person may have that done again, and finish says what is left out.
    if (need && need.step.status !== 'failed')
      return { type: 'step_skipped', step: step.id, reason: neverText(need) };
  }
  const idle = needs.idleFor(state.steps);
  return idle && { type: 'step_skipped', step: idle.step.id, reason: neverText(idle.need) };
}

const LEAVES_OUT: ReadonlySet<Step['kind']> = new Set(['subtask', 'service']);

/** Order of the steps: what must be over before one may start. */
export function orderOf(state: TaskState, needs: Needs): (step: Step) => boolean {
  const done = (kind: Step['kind']) => state.steps.every(s => s.kind !== kind || isDone(s));
  const planned = done('plan');
  const ready = planned && done('setup');
  const based = ready && done('baseline');
  const stopped = state.steps.some(
    s => s.status === 'failed' && s.kind !== 'finally' && subtaskIn(state, s)?.on_fail === 'stop',
  );
  const worked = done('subtask');
  const wanted = areWanted(state);
  // What is open goes on to its end, for which the services of the project are there.
  const needed = state.steps.some(s => s.attempt && !isService(s));
  const goesOn = (step: Step) => (!stopped || needs.isAfterFailure(step)) && needs.areMet(step);
  return step => {
    switch (step.kind) {
      case 'plan':
        return true;
      case 'setup':
        return planned;
      case 'baseline':
        return ready && needs.areMet(step);
      case 'service':
        return ready && wanted && (goesOn(step) || (needed && needs.areMet(step) && isOfProject(step)));
      case 'subtask':
        return based && goesOn(step);
      case 'fix':
        return (
          worked && state.steps.every(s => s.kind !== 'final' || s.status !== 'failed') && needs.areMet(step)
        );
      case 'final':
        return worked && done('fix') && needs.areMet(step);
      // By inOrder alone.
      case 'finally':
        return false;
    }
  };
}
