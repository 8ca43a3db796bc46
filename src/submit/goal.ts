/**
 * A goal in a folder, with what a caller may say beside it, becomes an order: the same configuration, the same spec and
 * the same environment as `rasen init` and `rasen run` in that folder would give it.
 */
import { statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { agentText, installedAgents } from '../agents/installed.ts';
import type * as config from '../config/index.ts';
import { AGENT_PROGRAMS } from '../contract/backends.ts';
import { RasenError } from '../contract/errors.ts';
import { configFolder } from './config-folder.ts';
import { type Flags, type Order, orderOf } from './order.ts';

export interface GoalParts {
  /** Of whoever asks. */
  env: NodeJS.ProcessEnv;
  config: typeof config;
}

export interface Goal extends Pick<Flags, 'id' | 'key' | 'name' | 'turn' | 'process'> {
  /** Absolute. */
  folder: string;
  goal: string;
  /** In place of the configured one. */
  agent?: (typeof AGENT_PROGRAMS)[number] | undefined;
  /** A plan as a file would have it: its text, or the object. Absent: the planner makes it. */
  plan?: unknown;
  /** Commit or branch to start from. */
  base?: string | undefined;
  /** The task is stopped when it has cost so much. */
  budget_usd?: number | undefined;
}

/** Throws `no_folder` where there is none, and `config` where no agent is known. */
export async function orderOfGoal({ config, env }: GoalParts, order: Goal): Promise<Order> {
  const { folder, id, goal, agent, plan, base, key, name, budget_usd, turn, process } = order;
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
  const flags: Flags = { key, name, config: { ...loaded, settings } };
  if (id !== undefined) flags.id = id;
  if (turn !== undefined) flags.turn = turn;
  if (process !== undefined) flags.process = process;
  return orderOf(config, wish, { folder, env }, flags);
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
