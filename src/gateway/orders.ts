/** What is asked for over HTTP: a goal and a place, which become a task as on the command line. */
import * as z from 'zod';
import { AGENT_PROGRAMS } from '../contract/backends.ts';
import type { TaskView } from '../contract/view.ts';
import { type Goal, type GoalParts, orderOfGoal } from '../submit/goal.ts';
import type { Upstream, Who } from './upstream.ts';

const GOAL_CHARS_MAX = 200_000;

export const orderFields = {
  goal: z
    .string()
    .max(GOAL_CHARS_MAX)
    .refine(text => text.trim() !== '', 'must not be empty')
    .describe('What is to be done.'),
  agent: z.enum(AGENT_PROGRAMS).optional().describe('In place of the configured one.'),
  plan: z
    .unknown()
    .optional()
    .describe('A plan as a file would have it: its text, or the object. Absent: the planner makes it.'),
  name: z.string().min(1).max(100).optional(),
  base: z.string().min(1).max(250).optional().describe('Commit or branch to start from.'),
  key: z.string().min(1).max(200).optional().describe('One task per key.'),
  budget_usd: z.number().positive().optional().describe('The task is stopped when it has cost so much.'),
};

/** `POST /v1/tasks` in words: a goal in a folder, or in a repository. */
export const order = z
  .strictObject({
    project: z.string().max(4096).optional().describe('Folder on this machine; absolute.'),
    repository: z.string().max(2000).optional().describe('URL; it is cloned.'),
    ...orderFields,
  })
  .refine(({ project, repository }) => (project === undefined) !== (repository === undefined), {
    message: 'exactly one of project and repository is needed',
  });
export type Order = z.output<typeof order>;

export interface OrderParts extends GoalParts {
  upstream: Upstream;
}

export interface Submitted {
  created: boolean;
  task: TaskView;
  notes: string[];
}

/** The task and whether it is new. Throws what the configuration and the supervisor say. */
export async function submitGoal(parts: OrderParts, who: Who, goal: Goal): Promise<Submitted> {
  const { spec, env, notes } = await orderOfGoal(parts, goal);
  const answer = await parts.upstream.call<Submitted>(who, 'task.run', { spec, env });
  return { ...answer, notes: [...notes, ...answer.notes] };
}
