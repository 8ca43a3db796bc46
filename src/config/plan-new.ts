/** A subtask of which nothing is known yet but its id: work for the coder, with every limit that of the task. */
import type { Subtask } from '../contract/plan.ts';
import { NO_SUBTASK_LIMITS } from '../engine/resource-limits.ts';

export function agentWork(id: string): Subtask {
  return {
    id,
    title: '',
    description: '',
    do: { agent: 'coder' },
    needs: [],
    files: [],
    acceptance: [],
    tests: [],
    gates: [],
    attempts: null,
    timeout_seconds: null,
    idle_timeout_seconds: null,
    on_fail: 'stop',
    on_lost: 'rerun',
    allow_empty: false,
    cwd: null,
    env: {},
    model: null,
    limits: NO_SUBTASK_LIMITS,
    claimed_completed: false,
  };
}
