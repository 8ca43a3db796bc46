/**
 * What an attempt may use of the machine: the task's limits, each replaced by the subtask's own where it has one.
 * Asked when an attempt is prepared; the cage gives them their effect.
 */
import type { ResourceLimits, Subtask, SubtaskLimits } from '../contract/plan.ts';
import type { TaskSpec } from '../contract/spec.ts';

export const NO_RESOURCE_LIMITS: ResourceLimits = {
  memory_max_bytes: null,
  cpu_max_percent: null,
  tasks_max: null,
  runtime_max_seconds: null,
};

export const NO_SUBTASK_LIMITS: SubtaskLimits = { ...NO_RESOURCE_LIMITS, tokens: null, usd: null };

/** `subtask`: null for the steps of rasen itself (setup, planner, gates), which have the limits of the task. */
export function resourceLimitsOf(
  spec: Pick<TaskSpec, 'limits'>,
  subtask: Pick<Subtask, 'limits'> | null,
): ResourceLimits {
  const { limits } = spec;
  const own = subtask?.limits;
  return {
    memory_max_bytes: own?.memory_max_bytes ?? limits.memory_max_bytes,
    cpu_max_percent: own?.cpu_max_percent ?? limits.cpu_max_percent,
    tasks_max: own?.tasks_max ?? limits.tasks_max,
    runtime_max_seconds: own?.runtime_max_seconds ?? limits.runtime_max_seconds,
  };
}

/** As users write them. */
const NAMES: Readonly<Record<keyof ResourceLimits, string>> = {
  memory_max_bytes: 'limits.memory',
  cpu_max_percent: 'limits.cpu',
  tasks_max: 'limits.tasks',
  runtime_max_seconds: 'limits.runtime',
};

/** Limits that the task sets somewhere and that nothing here would hold. */
export function unheldLimits(
  spec: Pick<TaskSpec, 'limits' | 'plan'>,
  held: readonly (keyof ResourceLimits)[],
): string[] {
  const all = [spec.limits, ...(spec.plan?.subtasks.map(subtask => subtask.limits) ?? [])];
  return (Object.keys(NAMES) as (keyof ResourceLimits)[])
    .filter(name => !held.includes(name) && all.some(limits => limits[name] != null))
    .map(name => NAMES[name]);
}
