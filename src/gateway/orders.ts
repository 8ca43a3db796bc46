/**
 * From what is asked for over HTTP (a goal and a place) to a task: the same configuration, the same spec and the same
 * environment as `rasen init` and `rasen run` in that folder would give it.
 */
import { statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import * as z from 'zod';
import { agentText, installedAgents } from '../agents/installed.ts';
import type * as config from '../config/index.ts';
import { AGENT_PROGRAMS } from '../contract/backends.ts';
import { RasenError } from '../contract/errors.ts';
import type { TaskView } from '../contract/view.ts';
import { configFolder } from '../submit/config-folder.ts';
import { orderOf } from '../submit/order.ts';
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

export interface OrderParts {
  upstream: Upstream;
  env: NodeJS.ProcessEnv;
  config: typeof config;
}

export type Goal = Omit<Order, 'project' | 'repository'> & { folder: string; id?: string };

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

/** What would be submitted, without submitting it: for the preview of a plan. */
export async function orderOfGoal({ config, env }: OrderParts, order: Goal) {
  const { folder, id, goal, agent, plan, base, key, name, budget_usd } = order;
  if (!isAbsolute(folder) || !statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new RasenError('no_folder', `There is no folder ${JSON.stringify(folder)} on this machine.`, {
      hint: 'Name it by its absolute path.',
    });
  const loaded = config.loadConfig({ project: configFolder(folder), env });
  const settings = { ...loaded.settings };
  if (agent !== undefined) Object.assign(settings, { 'agent.backend': agent, 'agent.command': null });
  else if (config.agentsOf(settings).length === 0) settings['agent.backend'] = await onlyAgent(env);
  if (budget_usd !== undefined)
    settings['limits.usd'] = Math.min(budget_usd, settings['limits.usd'] ?? budget_usd);
  const text = typeof plan === 'string' ? plan : JSON.stringify(plan);
  const wish = { goal, base: base ?? null, plan: plan === undefined ? null : { name: 'plan.yml', text } };
  const named = { ...(id === undefined ? {} : { id }), key, name };
  return orderOf(config, wish, { folder, env }, { ...named, config: { ...loaded, settings } });
}

/** As `rasen init` chooses: where only one is installed there is nothing to ask. */
async function onlyAgent(env: NodeJS.ProcessEnv) {
  const found = await installedAgents(env);
  const [only, ...more] = found;
  if (only && more.length === 0) return only.name;
  throw new RasenError('config', 'No agent is configured for this project.', {
    hint:
      found.length === 0
        ? `None of ${AGENT_PROGRAMS.join(', ')} is on PATH.`
        : `Name one as "agent": ${found.map(agentText).join(', ')}.`,
  });
}
