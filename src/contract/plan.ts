/**
 * The plan: the subtasks of a task in their normal form. Immutable once frozen; an edit is a new revision.
 * Pure: parsing of files (YAML, shorthand, durations) is in config/; here is only what a plan *is* and when it is sound.
 */
import * as z from 'zod';
import { MAX_ALONE, MAX_SUBTASKS } from './plan-size.ts';
import { serviceSpec } from './service.ts';
import { NEED_STATES } from './service-words.ts';

const MAX_TEXT = 64 * 1024;

/** Id of a subtask. Also the name of a folder and part of a git ref. */
export const subtaskId = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]|\.(?=[a-z0-9])){0,39}$/,
    'an id is 1–40 of a–z, 0–9, "-" and "." and starts with a letter or digit',
  )
  .refine(id => !id.endsWith('.lock'), 'an id must not end in ".lock" (git refuses such refs)')
  .describe('Id of the subtask, unique in the plan.');

/** More than any kernel takes: what is too much for this one is for exec to say. */
const MAX_WORD = 1024 * 1024;
const MAX_WORDS = 1_000_000;

const argv = z
  .array(z.string().max(MAX_WORD))
  .min(1)
  .max(MAX_WORDS)
  .describe(
    'Program and arguments; no shell in between. A byte that is not UTF-8 is the lone surrogate U+DC00 plus its value.',
  );

export const gateSpec = z
  .strictObject({
    name: z.string().min(1).max(80).describe('Shown in status and evidence.'),
    run: argv,
    timeout_seconds: z.number().positive().max(86_400).default(600),
    ok: z.array(z.int().min(0).max(255)).min(1).default([0]).describe('Exit codes that pass.'),
  })
  .describe('A check that the supervisor runs on a named commit.');

/** Name of a variable of the environment, as every shell takes it. */
export const envName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is not a name for a variable');

/** Variables with their values. Secrets are never here: they are named in `secrets` of the spec. */
export const envMap = z.record(envName, z.string().max(MAX_TEXT));

/** What an attempt may use of the machine. Enforced by the operating system, also while no supervisor runs. */
export const resourceLimits = z.strictObject({
  memory_max_bytes: z
    .int()
    .min(1024 ** 2)
    .max(1024 ** 5)
    .nullable()
    .default(null)
    .describe('Most memory of one attempt, all its processes together. null: none.'),
  cpu_max_percent: z
    .int()
    .min(1)
    .max(102_400)
    .nullable()
    .default(null)
    .describe('Most processor time of one attempt; 100 is one processor. null: none.'),
  tasks_max: z
    .int()
    .min(8)
    .max(4_194_304)
    .nullable()
    .default(null)
    .describe('Most processes and threads of one attempt. null: none.'),
  runtime_max_seconds: z
    .number()
    .positive()
    .max(366 * 86_400)
    .nullable()
    .default(null)
    .describe('Longest attempt; ends it even while the supervisor is away. null: none.'),
});

const ofSubtask = ' of one subtask, over all its attempts and their judges. null: the limit of the task.';
/** What a subtask may use: of the machine in each attempt, and of the agent in all of them. */
const subtaskLimits = resourceLimits.extend({
  tokens: z.int().min(1).nullable().default(null).describe(`Most tokens${ofSubtask}`),
  usd: z.number().positive().nullable().default(null).describe(`Most dollars${ofSubtask}`),
});

export const subtask = z.strictObject({
  id: subtaskId,
  title: z.string().max(500).default(''),
  description: z.string().max(MAX_TEXT).default(''),
  do: z
    .union([
      z.strictObject({ agent: z.string().min(1).max(40).describe('Role whose prompt is used: coder.') }),
      z.strictObject({ run: argv }),
      z.strictObject({ keep: argv }),
    ])
    .describe('What is done: a session of the agent, a command, or (keep) a service that stays up.'),
  needs: z.array(subtaskId).max(MAX_SUBTASKS).default([]).describe('Subtasks that it comes after.'),
  files: z
    .array(z.string().max(4096))
    .max(1000)
    .default([])
    .describe('Soft scope: files this subtask is about.'),
  acceptance: z.array(z.string().max(MAX_TEXT)).max(200).default([]),
  tests: z
    .array(z.string().max(4096))
    .max(1000)
    .default([])
    .describe('Test files this subtask may add or change.'),
  gates: z.array(gateSpec).max(50).default([]).describe('Gates in addition to the gates of the project.'),
  attempts: z
    .int()
    .min(1)
    .max(100)
    .nullable()
    .default(null)
    .describe('Most attempts; null: the default of the task.'),
  timeout_seconds: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('Longest attempt; null: the default of the task.'),
  idle_timeout_seconds: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('Longest silence; null: the default of the task.'),
  on_fail: z
    .enum(['stop', 'continue'])
    .default('stop')
    .describe('stop: nothing new starts after this fails.'),
  on_lost: z
    .enum(['rerun', 'fail'])
    .default('rerun')
    .describe('When an attempt is lost (power cut, killed runner): run it again, or fail.'),
  allow_empty: z.boolean().default(false).describe('The agent may change nothing.'),
  cwd: z.string().max(4096).nullable().default(null).describe('Folder, relative to the workspace.'),
  env: envMap.default({}).describe('Variables of this subtask, over those of the task.'),
  model: z.string().max(200).nullable().default(null),
  // Last, as in plans of older versions that are completed (complete.ts): equal subtasks have equal texts.
  limits: subtaskLimits
    .prefault({})
    .describe(
      'What an attempt may use of the machine, and the subtask of tokens and dollars; null: the limit of the task.',
    ),
  claimed_completed: z
    .boolean()
    .default(false)
    .describe(
      'The file that it was taken from calls it completed: the gates are asked before anybody works.',
    ),
  // Absent where nothing is said, as in plans of older versions.
  need_states: z
    .record(subtaskId, z.enum(NEED_STATES))
    .optional()
    .describe('What is waited for of each in `needs`. Absent: ready of a service, done of any other.'),
  service: serviceSpec.optional().describe('Of a service (keep), and of no other.'),
  finally: z
    .literal(true)
    .optional()
    .describe('It runs once at the end of the task, however that ends, and decides nothing about it.'),
});

export const planSource = z.enum(['planner', 'file', 'user', 'command']);

export const plan = z.strictObject({
  version: z.literal(1),
  task: z.string().min(1).max(64),
  goal: z.string().max(1024 * 1024),
  source: planSource,
  rev: z.int().min(1),
  subtasks: z
    .array(subtask)
    .min(1)
    .max(MAX_ALONE)
    .describe(`More than ${MAX_SUBTASKS} are possible where none needs another.`),
});

export type GateSpec = z.infer<typeof gateSpec>;
export type ResourceLimits = z.infer<typeof resourceLimits>;
export type SubtaskLimits = z.infer<typeof subtaskLimits>;
export type Subtask = z.infer<typeof subtask>;
export type Plan = z.infer<typeof plan>;
export type PlanSource = z.infer<typeof planSource>;

/** One thing that is wrong with the graph of a plan; `path` leads to it as in zod's issues. */
export interface PlanProblem {
  path: (string | number)[];
  message: string;
}

/** What the graph of a plan is made of. */
type GraphNode = Pick<Subtask, 'id' | 'needs'> &
  Partial<Pick<Subtask, 'do' | 'gates' | 'need_states' | 'service' | 'finally'>>;

/** Rules over the whole plan that a schema cannot say: unique ids, known and acyclic needs, few of them in a long plan, and what can be waited for. */
export function planProblems(subtasks: readonly GraphNode[]): PlanProblem[] {
  const tied = subtasks.length > MAX_SUBTASKS ? subtasks.findIndex(s => s.needs.length > 0) : -1;
  if (tied >= 0)
    return [
      {
        path: ['subtasks', tied, 'needs'],
        message: `there are ${subtasks.length} subtasks; more than ${MAX_SUBTASKS} are possible only where none needs another`,
      },
    ];
  const problems: PlanProblem[] = [];
  const index = new Map<string, number>();
  subtasks.forEach((s, i) => {
    if (index.has(s.id))
      problems.push({ path: ['subtasks', i, 'id'], message: `two subtasks are called "${s.id}"` });
    else index.set(s.id, i);
  });
  subtasks.forEach((s, i) => {
    s.needs.forEach((need, j) => {
      if (!index.has(need))
        problems.push({
          path: ['subtasks', i, 'needs', j],
          message: `"${s.id}" needs "${need}", which is not in the plan`,
        });
    });
  });
  problems.push(...meaningless(subtasks, index));
  if (subtasks.length > 0 && subtasks.every(s => s.finally))
    problems.push({
      path: ['subtasks', 0, 'id'],
      message: 'there is nothing to do before what runs at the end',
    });
  const cycle = findCycle(subtasks);
  if (cycle) {
    problems.push({
      path: ['subtasks', index.get(cycle[0]!)!, 'needs'],
      message: `subtasks need each other: ${cycle.join(' → ')}`,
    });
  }
  return problems;
}

/** What no subtask can wait for, and what a kind of subtask cannot have. */
function meaningless(subtasks: readonly GraphNode[], index: ReadonlyMap<string, number>): PlanProblem[] {
  return subtasks.flatMap((s, i) => {
    const at = (key: string, message: string): PlanProblem => ({ path: ['subtasks', i, key], message });
    const keeps = s.do !== undefined && 'keep' in s.do;
    const wrong: PlanProblem[] = s.needs.flatMap((need, j) => {
      const needed = subtasks[index.get(need) ?? -1];
      const problem = needed && needProblem(s, needed);
      return problem ? [{ path: ['subtasks', i, 'needs', j], message: problem }] : [];
    });
    for (const need of Object.keys(s.need_states ?? {}))
      if (!s.needs.includes(need)) wrong.push(at('need_states', `"${s.id}" does not need "${need}"`));
    if (s.service && !keeps) wrong.push(at('service', `"${s.id}" is no service; only "keep" has this`));
    if (s.finally && s.do !== undefined && !('run' in s.do))
      wrong.push(at('finally', `"${s.id}" is no command; what runs at the end is one ("run")`));
    if ((s.finally || keeps) && (s.gates?.length ?? 0) > 0)
      wrong.push(
        at('gates', `"${s.id}" has none: ${keeps ? 'a service is never done' : 'it decides nothing'}`),
      );
    return wrong;
  });
}

function needProblem(s: GraphNode, needed: GraphNode): string | null {
  const state = s.need_states?.[needed.id];
  const keeps = needed.do !== undefined && 'keep' in needed.do;
  const both = `"${s.id}" needs "${needed.id}"`;
  if (needed.finally && !s.finally) return `${both}, which runs when everything else is over`;
  if (keeps && state === 'done')
    return `${both} to be done, and a service never is; it can be started, ready or failed`;
  if (!keeps && state === 'ready')
    return `${both} to be ready, and it is no service; it can be started, done or failed`;
  return null;
}

function findCycle(subtasks: readonly Pick<Subtask, 'id' | 'needs'>[]): string[] | null {
  const needs = new Map(subtasks.map(s => [s.id, s.needs]));
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (id: string): string[] | null => {
    if (done.has(id)) return null;
    const at = path.indexOf(id);
    if (at >= 0) return [...path.slice(at), id];
    path.push(id);
    for (const need of needs.get(id) ?? []) {
      const found = visit(need);
      if (found) return found;
    }
    path.pop();
    done.add(id);
    return null;
  };
  for (const s of subtasks) {
    const found = visit(s.id);
    if (found) return found;
  }
  return null;
}
