/** What the effects of triggers do to the world: tasks are submitted, cancelled and removed, and a person is told. */
import { isRasenError } from '../../contract/errors.ts';
import type { TaskSpec } from '../../contract/spec.ts';
import { troubleOf } from '../../host/trouble.ts';
import type { TriggerStore } from '../../store/file/trigger-store.ts';
import type { TriggerEffect } from '../../triggers/decide.ts';
import type { NewTriggerEvent } from '../../triggers/event.ts';
import type { TriggerState } from '../../triggers/state.ts';
import { lateMs, runEnv, runKey, runSpec } from './run-spec.ts';

/** What is said of a task that is there and cannot be read. */
const UNUSABLE: ReadonlySet<string> = new Set(['damaged', 'version']);

export interface Performing {
  store: TriggerStore;
  /** The task that has the key; null: none. Throws `damaged` or `version` where it cannot be used. */
  taskOf(key: string): string | null;
  /** Resolves when the task is durable. */
  submit(spec: TaskSpec, env: Record<string, string>): Promise<void>;
  cancel(task: string): Promise<void>;
  /** Removes a task that is over; null, or why it stays. */
  remove(task: string): Promise<string | null>;
  tell(state: TriggerState, text: string): Promise<{ ok: boolean; detail: string | null }>;
}

/** What came of an effect. Throws what may pass. */
export async function perform(
  parts: Performing,
  state: TriggerState,
  effect: TriggerEffect,
): Promise<NewTriggerEvent[]> {
  const { cancel, remove, tell } = parts;
  switch (effect.type) {
    case 'submit':
      return await submitRun(parts, state, effect);
    case 'cancel':
      await cancel(effect.task);
      return [];
    case 'release': {
      const problem = await remove(effect.task);
      return [{ type: 'run_released', task: effect.task, removed: problem === null }];
    }
    case 'notify': {
      const { ok, detail } = await tell(state, effect.text);
      return [{ type: 'notified', key: effect.key, ok, detail }];
    }
  }
}

async function submitRun(
  { store, submit, taskOf }: Performing,
  state: TriggerState,
  { slot, task, payload, due }: Extract<TriggerEffect, { type: 'submit' }>,
): Promise<NewTriggerEvent[]> {
  const { id } = state;
  const started = (more: { reason?: string } = {}): NewTriggerEvent[] => [
    { type: 'slot_started', slot, late_ms: lateMs(state, { due }, Date.now()), ...more },
  ];
  try {
    // The one before the crash, whatever the trigger was edited to since.
    if (taskOf(runKey(id, slot)) !== null) return started();
  } catch (error) {
    if (!isRasenError(error) || !UNUSABLE.has(error.kind)) throw error;
    // It may have run, so it is not made again.
    return started({ reason: error.message });
  }
  try {
    const path = payload === null ? null : store.payload(id, payload);
    await submit(runSpec(state, { task, slot }), { ...store.env(id), ...runEnv(state, { slot }, path) });
    return started();
  } catch (error) {
    if (
      !isRasenError(error) ||
      error.kind === 'shutting_down' ||
      error.kind === 'storage' ||
      troubleOf(error)
    )
      throw error;
    return [{ type: 'slot_refused', slot, reason: error.message }];
  }
}
