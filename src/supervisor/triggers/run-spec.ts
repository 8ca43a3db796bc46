/** What a run of a trigger is submitted as. Pure. */
import type { NoticeKind, NotifySpec } from '../../contract/notify.ts';
import type { TaskSpec } from '../../contract/spec.ts';
import { jitterMs } from '../../triggers/calendar.ts';
import { ON_TIME_MS } from '../../triggers/decide.ts';
import type { Taken, TriggerState } from '../../triggers/state.ts';

/** One task for each slot. */
export const runKey = (trigger: string, slot: string): string => `trigger/${trigger}/${slot}`;

export function runSpec(state: TriggerState, { task, slot }: Pick<Taken, 'task' | 'slot'>): TaskSpec {
  const { task: template, policy } = state.definition;
  return {
    ...template,
    id: task,
    key: runKey(state.id, slot),
    plan: template.plan && { ...template.plan, task },
    notify: template.notify && notifyOf(template.notify, policy.notify, state.last_end),
  };
}

/** The trigger decides which ends of runs are told; whatever needs a person is told as for any other task. */
function notifyOf(
  notify: NotifySpec,
  when: TriggerState['definition']['policy']['notify'],
  before: TriggerState['last_end'],
): NotifySpec {
  const left_out: readonly NoticeKind[] = {
    always: [],
    failure: ['completed', 'resumed'] as const,
    on_change: before === 'failed' ? (['failed', 'resumed'] as const) : (['completed', 'resumed'] as const),
  }[when];
  return { ...notify, on: notify.on.filter(kind => !left_out.includes(kind)) };
}

/** What a run finds in its environment, beside that of the trigger. */
export function runEnv(
  state: TriggerState,
  { slot }: Pick<Taken, 'slot'>,
  payload: string | null,
): Record<string, string> {
  return {
    RASEN_TRIGGER: state.definition.name,
    RASEN_TRIGGER_SLOT: slot,
    ...(payload === null ? {} : { RASEN_TRIGGER_FILE: payload }),
  };
}

/** How late a run is; 0: on time. */
export function lateMs(state: TriggerState, { due }: Pick<Taken, 'due'>, now_ms: number): number {
  const late = now_ms - due - jitterMs(state.id, due, state.definition.policy.jitter_seconds);
  return late > ON_TIME_MS ? late : 0;
}
