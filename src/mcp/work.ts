/** What a task is to do, as arguments of a tool: for `run` and for `trigger`. */
import { isAbsolute } from 'node:path';
import * as z from 'zod';
import { AGENT_PROGRAMS } from '../contract/backends.ts';
import { usage } from '../contract/errors.ts';
import { GROUP_NAME, PRIORITY_MAX } from '../contract/turn.ts';
import { orderOfGoal } from '../submit/goal.ts';
import { type Flags, type Order, orderOf } from '../submit/order.ts';
import type { Door } from './door.ts';

const GOAL_CHARS_MAX = 200_000;
const YEAR_S = 366 * 86_400;

export const taskRef = z
  .string()
  .min(1)
  .max(4096)
  .describe('A task: its id (or at least 4 characters of its start or end), or its name.');

/** Exactly one of command, goal and file is needed. */
export const workFields = {
  command: z
    .array(z.string().max(65_536))
    .min(1)
    .max(1000)
    .optional()
    .describe('Program and arguments. No shell reads them; for a shell line: ["sh", "-c", "…"].'),
  goal: z
    .string()
    .max(GOAL_CHARS_MAX)
    .refine(text => text.trim() !== '', 'must not be empty')
    .optional()
    .describe('Work for a coding agent, in words. It works on a branch of its own, which a person merges.'),
  file: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe('A file of subtasks in YAML, relative to the folder.'),
  folder: z
    .string()
    .max(4096)
    .refine(isAbsolute, 'must be absolute')
    .optional()
    .describe('Where it works; absolute. Default: the folder in which this server was started.'),
  agent: z.enum(AGENT_PROGRAMS).optional().describe('For a goal: in place of the configured agent.'),
  base: z.string().min(1).max(250).optional().describe('For a goal: commit or branch to start from.'),
  budget_usd: z.number().positive().optional().describe('For a goal: stop when it has cost so much.'),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is no variable'), z.string().max(65_536))
    .optional()
    .describe('For a command or file: variables beside the usual ones. No secrets: they are kept.'),
  timeout_seconds: z
    .number()
    .positive()
    .max(YEAR_S)
    .optional()
    .describe('For a command or file: it has failed when it runs longer.'),
};

export const turnFields = {
  after: z.array(taskRef).max(100).optional().describe('Begin when these tasks are completed.'),
  group: z
    .string()
    .regex(GROUP_NAME, 'is not a name of letters, digits, ".", "_" and "-"')
    .optional()
    .describe('One task of a group runs at a time.'),
  priority: z
    .int()
    .min(-PRIORITY_MAX)
    .max(PRIORITY_MAX)
    .optional()
    .describe('Higher goes first. Default: 0.'),
};

const work = z.object(workFields);
type Work = z.output<typeof work>;

const OF_GOAL = ['agent', 'base', 'budget_usd'] as const;
const OF_COMMAND = ['env', 'timeout_seconds'] as const;

/** Throws `usage` for what is no one thing, and what `rasen run` would throw. */
export async function orderOfWork(door: Door, asked: Work, flags: Flags): Promise<Order> {
  const { command, goal, file, folder = door.folder, agent, base, budget_usd, env, timeout_seconds } = asked;
  const given = [command, goal, file].filter(it => it !== undefined);
  if (given.length !== 1) throw usage('Exactly one of "command", "goal" and "file" is needed.');
  const odd = (goal === undefined ? OF_GOAL : OF_COMMAND).find(name => asked[name] !== undefined);
  if (odd !== undefined)
    throw usage(`"${odd}" does not go with ${goal === undefined ? 'a command or a file' : 'a goal'}.`);
  const all: Flags = { ...flags, process: door.process() };
  if (goal !== undefined) return await orderOfGoal(door, { ...all, folder, goal, agent, base, budget_usd });
  const words = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`);
  const wish = command !== undefined ? { command } : { file: file! };
  return orderOf(door.config, wish, { folder, env: door.env }, { ...all, env: words, timeout_seconds });
}
