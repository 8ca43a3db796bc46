/**
 * Specs and plans of older versions, with what they could not say yet. Their files are never written again, so fold
 * asks here, and everybody after it finds every field that the types promise.
 */

import type { Plan } from '../contract/plan.ts';
import { ROLES, type TaskSpec } from '../contract/spec.ts';
import { WAITED_ALWAYS } from './limit-policy.ts';
import { NO_RESOURCE_LIMITS, NO_SUBTASK_LIMITS } from './resource-limits.ts';

/** What tasks of before could not say: no budgets, and the silence of tools as it is by default. */
const NO_BUDGETS = {
  tool_idle_timeout_seconds: 1800,
  tokens: null,
  usd: null,
  subtask_tokens: null,
  subtask_usd: null,
  attempt_tokens: null,
  attempt_usd: null,
  tokens_per_day: null,
  usd_per_day: null,
};

export function completeSpec(spec: TaskSpec): TaskSpec {
  return {
    ...spec,
    plan: spec.plan && completePlan(spec.plan),
    limits: { ...NO_RESOURCE_LIMITS, ...NO_BUDGETS, ...WAITED_ALWAYS, ...spec.limits },
    time_zone: spec.time_zone ?? null,
    notify: spec.notify ?? null,
    after: spec.after ?? [],
    group: spec.group ?? null,
    priority: spec.priority ?? 0,
    fallback_models: spec.fallback_models ?? {},
    agents: completeAgents(spec.agents),
    base_tests: spec.base_tests ?? false,
    base_config: spec.base_config ?? false,
    mutation_check: spec.mutation_check ?? false,
    setup_cache: spec.setup_cache ?? [],
    env: spec.env ?? {},
    process: spec.process ?? null,
    stdin: spec.stdin ?? null,
    secrets: spec.secrets ?? {},
  };
}

function completeAgents(agents: TaskSpec['agents']): TaskSpec['agents'] {
  const complete: TaskSpec['agents'] = {};
  for (const role of ROLES) {
    const agent = agents[role];
    if (agent) complete[role] = { ...agent, backend: agent.backend ?? 'command' };
  }
  return complete;
}

export function completePlan(plan: Plan): Plan {
  const subtasks = plan.subtasks.map(subtask => ({
    ...subtask,
    limits: { ...NO_SUBTASK_LIMITS, ...subtask.limits },
    claimed_completed: subtask.claimed_completed ?? false,
  }));
  return { ...plan, subtasks };
}
