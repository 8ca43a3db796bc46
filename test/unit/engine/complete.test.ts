/** Specs and plans of older versions, and whose limits count. */
import { expect, test } from 'vitest';
import { completePlan, completeSpec } from '../../../src/engine/complete.ts';
import { resourceLimitsOf } from '../../../src/engine/resource-limits.ts';
import { planOf, specOf } from '../../support/task-builder.ts';

test('an order of an older version is that of today without what is new', () => {
  const agents = { coder: { backend: 'command' as const, command: ['bot'] } };
  // Waiting for usage limits was not asked about.
  const limits = { wait: true, max_wait_seconds: 8 * 86_400 };
  const now = specOf({ id: '01kfz3a0000000000000000001', agents, limits });
  const old = JSON.parse(JSON.stringify(now));
  delete old.env;
  delete old.secrets;
  delete old.time_zone;
  for (const key of ['after', 'group', 'priority']) delete old[key];
  delete old.fallback_models;
  delete old.agents.coder.backend;
  const newer = ['memory_max_bytes', 'cpu_max_percent', 'tasks_max', 'runtime_max_seconds'];
  for (const key of [...newer, 'wait', 'max_waits', 'max_wait_seconds', 'login_retry_seconds', 'quiet_hours'])
    delete old.limits[key];
  delete old.base_tests;
  for (const subtask of old.plan.subtasks) {
    delete subtask.limits;
    delete subtask.claimed_completed;
  }
  expect(completeSpec(old)).toEqual(now);
});

test('a subtask of an older plan has the text of the same subtask today, so that an edit keeps its work', () => {
  const now = planOf(['a', { id: 'b', env: { A: '1' } }]);
  const old = structuredClone(now);
  for (const subtask of old.subtasks as Partial<(typeof old.subtasks)[number]>[]) {
    delete subtask.limits;
    delete subtask.claimed_completed;
  }
  const subtasks = completePlan(old).subtasks;
  expect(subtasks.map(s => JSON.stringify(s))).toEqual(now.subtasks.map(s => JSON.stringify(s)));
});

test('a subtask’s own limit is in place of the task’s, one by one', () => {
  const spec = specOf({ limits: { memory_max_bytes: 2 ** 30, tasks_max: 100 } });
  const [subtask] = planOf([{ id: 'a', limits: { tasks_max: 500, runtime_max_seconds: 60 } }]).subtasks;
  const none = { cpu_max_percent: null };
  const of_task = { ...none, memory_max_bytes: 2 ** 30, tasks_max: 100, runtime_max_seconds: null };
  expect(resourceLimitsOf(spec, null)).toEqual(of_task);
  expect(resourceLimitsOf(spec, subtask!)).toEqual({ ...of_task, tasks_max: 500, runtime_max_seconds: 60 });
});
