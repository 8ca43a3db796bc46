/**
 * The spec: what the user asked for, complete and by value. Written once at submit and never changed, so that neither
 * an edited rasen.yml nor an agent in the worktree can move the goalposts of a running task.
 */
import * as z from 'zod';
import { BACKENDS } from './backends.ts';
import { notifySpec } from './notify.ts';
import { envMap, envName, gateSpec, plan, resourceLimits, subtask } from './plan.ts';
import { MAX_PARALLEL } from './plan-size.ts';
import { quietHours } from './quiet-hours.ts';
import { sandboxSpec } from './sandbox.ts';
import { GROUP_NAME, PRIORITY_MAX } from './turn.ts';
import { waitLimits } from './wait-limits.ts';

/** ULID in lower case: 10 characters of time, 16 of chance. Valid as a folder name and as part of a git ref. */
export const taskId = z
  .string()
  .regex(/^[0-9a-hjkmnp-tv-z]{26}$/, 'a task id is 26 characters of lower-case Crockford base 32')
  .describe('Id of the task, chosen by the client so that a repeated submit is the same submit.');

export const ROLES = ['initializer', 'coder', 'reviewer', 'qa'] as const;
export type Role = (typeof ROLES)[number];

/** Most that is kept of a standard input, in bytes. */
export const STDIN_BYTES_MAX = 64 * 1024 * 1024;

const seconds = z
  .number()
  .min(0)
  .max(366 * 86_400);

const tokens = (of: string) =>
  z.int().min(1).nullable().default(null).describe(`Most tokens, in and out, of ${of}. null: no limit.`);
const usd = (of: string) =>
  z.number().positive().nullable().default(null).describe(`Most dollars of ${of}. null: no limit.`);
const SUBTASK = 'one subtask: all its attempts and their judges';
const ATTEMPT = 'one attempt, its judges included';
const DAY = 'all tasks of this rasen in one day of its clock';

/** Limits of a task; defaults and names are RASEN's (seed-parity 1.1.2) where it has them. */
export const limits = z.strictObject({
  max_iterations: z.int().min(1).max(100_000).default(50).describe('Most attempts of the whole task.'),
  max_runtime_seconds: seconds
    .nullable()
    .default(14_400)
    .describe('Longest active time; waiting does not count. null: none.'),
  session_delay_seconds: seconds.default(3).describe('Pause between two attempts.'),
  session_timeout_seconds: seconds
    .nullable()
    .default(1800)
    .describe(
      'Time of an attempt; then it is stopped, or at half as much more at the latest while it makes progress. null: none.',
    ),
  idle_timeout_seconds: seconds
    .nullable()
    .default(300)
    .describe('Longest silence of an attempt: no output and, on Linux, no use of the processor. null: none.'),
  tool_idle_timeout_seconds: seconds
    .nullable()
    .default(1800)
    .describe(
      'The same while a tool runs, where the agent says so; never less than idle_timeout_seconds. null: none.',
    ),
  attempts: z.int().min(1).max(100).default(5).describe('Most attempts of one subtask.'),
  parallel: z
    .int()
    .min(1)
    .max(MAX_PARALLEL)
    .default(1)
    .describe('Subtasks of this task that may run at once.'),
  max_no_commit_sessions: z
    .int()
    .min(1)
    .max(1000)
    .default(3)
    .describe('Attempts of one subtask without a commit before it is given up.'),
  max_consecutive_failures: z
    .int()
    .min(1)
    .max(1000)
    .default(5)
    .describe('Failed attempts in a row, without progress, before the task blocks.'),
  circular_fix_threshold: z
    .number()
    .min(0)
    .max(1)
    .default(0.3)
    .describe('Similarity of two failed approaches from which the prompt warns of going in circles.'),
  output_max_bytes: z
    .int()
    .min(4096)
    .default(1024 * 1024 * 1024)
    .describe('Kept output of one attempt; older blocks are freed and counted.'),
  ...waitLimits.shape,
  quiet_hours: quietHours,
  ...resourceLimits.shape,
  tokens: tokens('the whole task'),
  usd: usd('the whole task'),
  subtask_tokens: tokens(SUBTASK),
  subtask_usd: usd(SUBTASK),
  attempt_tokens: tokens(ATTEMPT),
  attempt_usd: usd(ATTEMPT),
  tokens_per_day: tokens(DAY),
  usd_per_day: usd(DAY),
});

/** Who can be handed a secret: sessions, all or those of a role, and the kinds of commands that a task runs. */
export const SECRET_USERS = [
  'agent',
  'planner',
  'coder',
  'reviewer',
  'qa',
  'run',
  'gates',
  'setup',
  'notify',
] as const;
export type SecretUser = (typeof SECRET_USERS)[number];

/** Where the value of a secret is. */
export const secretSource = z.union([
  z.strictObject({ env: envName }).describe('A line of secrets.env in the configuration folder of the user.'),
  z
    .strictObject({
      file: z
        .string()
        .max(4096)
        .regex(/^~?\/[^\0]+$/, 'must be absolute, or start with ~/'),
    })
    .describe('The text of a file.'),
  z
    .strictObject({ cmd: z.array(z.string().max(65_536)).min(1).max(1000) })
    .describe('What a command prints; no shell in between.'),
  z
    .strictObject({
      cred: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, 'is not a name for a credential'),
    })
    .describe('A credential of systemd.'),
  z
    .strictObject({
      keychain: z.string().min(1).max(200),
      account: z.string().min(1).max(200).nullable().default(null),
    })
    .describe('A generic password in the keychain of macOS, by service and account.'),
]);

/** A secret by reference. The value is looked up whenever a program starts, and is in no file of rasen. */
export const secretSpec = z.strictObject({
  from: secretSource,
  // null leaves out the commands that run what the work left behind: they get a secret where it is said.
  for: z
    .array(z.enum(SECRET_USERS))
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'Who gets it: agent (every session) or planner, coder, reviewer, qa; run (commands of subtasks), gates, setup, notify. null: agent and run, but what an agent logs in with only that agent.',
    ),
});

/** Judges that `--skip-review` and `--skip-qa` leave out. */
export const JUDGES = ['review', 'qa'] as const;
export type Judge = (typeof JUDGES)[number];

/** How review or QA is done; they run only with a program of their own (see config.ts for why). */
const judge = z.strictObject({
  enabled: z.boolean(),
  per_subtask: z.boolean(),
  max_loops: z.int().min(1).max(1000),
  recurring_issue_threshold: z.int().min(1).max(100),
});

export const agentSpec = z.strictObject({
  backend: z
    .enum(BACKENDS)
    .default('command')
    .describe('How the program is spoken to; command: the prompt on stdin, the answer in the result file.'),
  command: z
    .array(z.string().max(65_536))
    .min(1)
    .max(1000)
    .describe('Program and its first arguments; the prompt is on its stdin.'),
});

const rlimit = z.int().min(0).nullable();

/** What the commands of a task inherit of the shell that it came from, beside the environment. */
const inherited = z.strictObject({
  umask: z.string().regex(/^0?[0-7]{3}$/, 'is not an octal umask'),
  limits: z
    .partialRecord(
      z.enum(['cpu', 'fsize', 'data', 'stack', 'core', 'memlock', 'nproc', 'nofile', 'as']),
      z.strictObject({ soft: rlimit, hard: rlimit }),
    )
    .describe('Resource limits (ulimit): bytes, seconds or a number; null: unlimited.'),
});

/** Standard input of a command, kept with the task. */
const keptInput = z.strictObject({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().min(0).max(STDIN_BYTES_MAX),
});

export const taskSpec = z.strictObject({
  version: z.literal(1),
  id: taskId,
  name: z.string().min(1).max(200).describe('Short name for people: the project name or the command.'),
  goal: z
    .string()
    .max(1024 * 1024)
    .describe('The task text, verbatim; for a command its words.'),
  key: z.string().min(1).max(200).nullable().default(null).describe('Idempotency key: one task per key.'),
  after: z
    .array(taskId)
    .max(100)
    .default([])
    .describe('Tasks that have to be completed before this one begins.'),
  group: z
    .string()
    .regex(GROUP_NAME, 'is not a name of letters, digits, ".", "_" and "-"')
    .nullable()
    .default(null)
    .describe(
      'Of the tasks of a group one runs at a time, or as many as `groups` in rasend.yml says. null: none.',
    ),
  priority: z
    .int()
    .min(-PRIORITY_MAX)
    .max(PRIORITY_MAX)
    .default(0)
    .describe('Where not all tasks may run that could, those with a higher one go first.'),
  project: z
    .string()
    .max(4096)
    .describe('Absolute path of the project folder, or of the folder where a command runs.'),
  /** git: work happens in a clone or a worktree of the project's repository. folder: in the project folder itself. */
  workspace: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('git'),
      slug: z.string().regex(/^[a-z0-9][a-z0-9-]{0,47}$/),
      base: z
        .string()
        .max(200)
        .nullable()
        .default(null)
        .describe('Commit or branch to start from; null: HEAD at submit.'),
      base_path: z
        .string()
        .max(4096)
        .default('.worktrees')
        .describe('Folder of the workspaces, relative to the project.'),
      isolation: z
        .enum(['clone', 'linked'])
        .optional()
        .describe(
          'clone: the task works in a repository of its own. linked, and absent in older orders: in a git worktree that shares the user’s repository.',
        ),
      push: z.boolean().optional().describe('true: the remotes of the clone can be pushed to.'),
    }),
    z.strictObject({ kind: z.literal('folder') }),
  ]),
  plan: plan.nullable().describe('null: the first attempt is the planner’s.'),
  services: z
    .array(subtask)
    .max(50)
    .optional()
    .describe('Services (keep) that are up while the task works, in its workspace. Absent: none.'),
  agents: z.partialRecord(z.enum(ROLES), agentSpec).default({}).describe('The agent of each role.'),
  relay: z
    .strictObject({
      agents: z
        .array(agentSpec.extend({ model: z.string().max(200).optional() }))
        .min(1)
        .max(8)
        .describe('In their order, after the agent of the coder.'),
      after_seconds: seconds.describe(
        'A usage limit that is over sooner is none that another one works for.',
      ),
    })
    .optional()
    .describe(
      'Agents that take over the work while the service of the one before is away. Absent: none does.',
    ),
  models: z
    .partialRecord(z.enum(ROLES), z.string().max(200))
    .default({})
    .describe('Model of each role, handed to the agent as RASEN_MODEL.'),
  fallback_models: z
    .partialRecord(z.enum(ROLES), z.string().max(200))
    .default({})
    .describe('Model of each role in place of the other, after three overloaded attempts in a row.'),
  max_thinking_tokens: z.int().min(0).default(4096).describe('Handed to the agent as MAX_THINKING_TOKENS.'),
  prompts: z
    .partialRecord(z.enum(ROLES), z.string().max(1024 * 1024))
    .default({})
    .describe('Prompt templates, by value.'),
  gates: z
    .array(gateSpec)
    .max(50)
    .default([])
    .describe('Gates of the project: on every subtask, at the end, and on a merge.'),
  baseline: z
    .enum(['require', 'allow'])
    .default('require')
    .describe('require: the gates must pass before the first subtask.'),
  base_tests: z
    .boolean()
    .default(false)
    .describe('At the end the gates run once more with the tests of the base commit; red, a person decides.'),
  base_config: z
    .boolean()
    .default(true)
    .describe(
      'Gates run once more with the gate configuration of the base commit where an agent changed that; red, a person decides.',
    ),
  mutation_check: z
    .boolean()
    .default(true)
    .describe('At the end the gates run without the change, until one fails; if none does, that is told.'),
  protected: z
    .array(z.string().max(4096))
    .max(1000)
    .default([])
    .describe('Paths that no attempt may change, as git pathspecs.'),
  setup: z
    .array(z.string())
    .max(1000)
    .nullable()
    .default(null)
    .describe('Command that readies a checkout for work and gates; in the folder of the project.'),
  setup_cache: z
    .array(
      z
        .string()
        .min(1)
        .max(4096)
        .regex(/^[^\0\n]+$/, 'is not a path'),
    )
    .max(20)
    .default([])
    .describe(
      'What `setup` makes and other checkouts may have copies of; paths in the folder of the project.',
    ),
  limits,
  time_zone: z
    .string()
    .max(100)
    .nullable()
    .default(null)
    .describe('Time zone in which times of day are meant and told. null: that of the supervisor.'),
  env: envMap.default({}).describe('Variables of every program of the task, over those captured at submit.'),
  process: inherited
    .nullable()
    .default(null)
    .describe(
      'Umask and resource limits of its commands, never above what the supervisor may have. null: those of the supervisor.',
    ),
  stdin: keptInput
    .nullable()
    .default(null)
    .describe('What a command reads on its standard input, handed over in the inbox. null: nothing.'),
  secrets: z
    .record(envName, secretSpec)
    .default({})
    .describe('Variables whose values are looked up whenever a program of the task starts.'),
  sandbox: sandboxSpec
    .nullable()
    .default(null)
    .describe('Which programs of the task are put into a sandbox, and what they have in it. null: none.'),
  review: judge,
  qa: judge,
  memory: z.strictObject({
    enabled: z.boolean().default(true),
    max_decisions: z.int().min(0).max(100).default(5),
    max_learnings: z.int().min(0).max(100).default(5),
    max_tokens: z.int().min(0).max(1_000_000).default(2000),
  }),
  notify: notifySpec
    .nullable()
    .default(null)
    .describe('Where a person is told of what happens. null: nowhere.'),
  auto_resume: z
    .boolean()
    .default(true)
    .describe(
      'false: after a restart of the machine the task waits for `rasen resume`, and a missing login is not looked at again by itself. A restart of the supervisor alone changes nothing.',
    ),
  /** Where the seed's views go, relative to the project; null: no views (plain commands). */
  views: z
    .strictObject({
      status_file: z.string().max(4096),
      pid_file: z.string().max(4096),
      log_file: z.string().max(4096),
      memory_file: z.string().max(4096),
      log_max_bytes: z.int().min(1024),
      log_keep: z.int().min(0).max(1000),
    })
    .nullable()
    .default(null),
});

export type TaskSpec = z.infer<typeof taskSpec>;
/** What has a default may be missing: the supervisor fills it in. */
export type SpecDraft = z.input<typeof taskSpec>;
export type Limits = z.infer<typeof limits>;
export type SecretSource = z.infer<typeof secretSource>;
export type SecretSpec = z.infer<typeof secretSpec>;
export type AgentSpec = z.infer<typeof agentSpec>;
export type JudgeSpec = z.infer<typeof judge>;
