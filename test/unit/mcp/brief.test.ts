/** What a model is told of a task fits into its context, however many subtasks there are. */
import { expect, test } from 'vitest';
import type { SubtaskView, TaskView } from '../../../src/index.ts';
import { brief } from '../../../src/mcp/brief.ts';

const STATUSES = ['completed', 'failed', 'pending'] as const;

const viewWith = (count: number): TaskView => {
  const subtasks = Array.from({ length: count }, (_, i) => ({
    id: String(i),
    status: STATUSES[i % 3]!,
    reason: null,
  })) as unknown as SubtaskView[];
  return { id: 't', name: 'n', status: 'running', goal: 'g', total_tokens: 0, subtasks } as TaskView;
};

test('few subtasks are named; of many, those that failed or are open come first, and all are counted', () => {
  expect(brief(viewWith(3)).subtasks).toHaveLength(3);
  expect(brief(viewWith(3))).not.toHaveProperty('subtask_counts');
  const { subtasks, subtask_counts } = brief(viewWith(9_000));
  expect(subtask_counts).toEqual({ completed: 3000, failed: 3000, pending: 3000 });
  expect(new Set((subtasks as SubtaskView[]).map(({ status }) => status))).toEqual(new Set(['failed']));
  expect(JSON.stringify(brief(viewWith(9_000))).length).toBeLessThan(4000);
});
