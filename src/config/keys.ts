/**
 * Every key of the configuration: kind, default, meaning. The one table that the loader, the JSON Schema, the man
 * page rasen.yml(5) and the tests read. A key is here only if it changes something.
 *
 * Two shapes are accepted in every file: that of rasen.yml, and that of `.rasen/config.yaml` (agents, session, stall);
 * the second is a list of other names for the first.
 */
import type { GateSpec } from '../task/plan.ts';
import { BACKENDS, ROLES, type Role } from '../task/spec.ts';
import { ENV, PASS_ENV, SECRETS } from './env-types.ts';
import { gateSchema, readGates } from './gates.ts';
import { Problems } from './problems.ts';
import { RESOURCES } from './resource-types.ts';
import {
  argv,
  bool,
  duration,
  fixed,
  insidePath,
  int,
  listOf,
  nullable,
  number,
  oneOf,
  size,
  text,
  type ValueType,
} from './types.ts';

export interface KeyRow<T> {
  type: ValueType<T>;
  default: T;
  about: string;
  /** One of RASEN's keys. */
  seed: boolean;
  /** In place of the default in documentation, where the default depends on the project. */
  default_text?: string;
  /** A map of the user's own names: files add to each other, name by name. */
  by_name?: boolean;
}

/** A key of RASEN. */
function seed<T>(type: ValueType<T>, value: T, about: string, default_text?: string): KeyRow<T> {
  return { type, default: value, about, seed: true, ...(default_text ? { default_text } : {}) };
}

/** A key of rasen's own. */
function own<T>(type: ValueType<T>, value: T, about: string, default_text?: string): KeyRow<T> {
  return { ...seed(type, value, about, default_text), seed: false };
}

function byName<T>(type: ValueType<T>, value: T, about: string, default_text: string): KeyRow<T> {
  return { ...own(type, value, about, default_text), by_name: true };
}

const model = () => nullable(text(200, 'a model name'), 'the default of the agent');
const limit = () => nullable(duration(), 'no limit');
const viewFile = () => insidePath('the project');
const command = () => nullable(argv(), 'none');
const backend = () => nullable(oneOf(...BACKENDS), 'command, where a program is written');
const promptFile = () => nullable(text(4096, 'a path'), 'the built-in text');

const gateList: ValueType<GateSpec[] | 'none' | null> = {
  wanted: 'a list of gates, or none',
  schema: {
    anyOf: [{ const: 'none' }, { type: 'array', items: gateSchema(true), minItems: 1, maxItems: 50 }],
  },
  read(node, report) {
    if (node.kind === 'scalar' && node.value === 'none') return 'none';
    if (node.kind === 'list' && node.items.length === 0) {
      report(node, 'is an empty list; write "gates: none" if nothing is to be checked', 'none');
      return undefined;
    }
    const inner = new Problems('');
    const gates = readGates(node, inner, '', false);
    for (const p of inner.list) report(p, p.message, p.suggestion, p.key);
    return gates;
  },
};

/** Default protected paths: what decides about the work must not be changed by the work. */
export const PROTECTED_DEFAULT = ['.github/workflows', '.gitlab-ci.yml', '.husky', '.githooks'];

const rows = {
  'project.name': seed(
    nullable(text(200, 'a name'), 'the name of the folder'),
    null,
    'Short name of the project, shown in status and notifications.',
    'name of the folder',
  ),
  'project.root': seed(
    text(4096, 'a path'),
    '.',
    'Folder of the project, relative to the folder with the configuration.',
  ),

  'orchestrator.max_iterations': seed(int(1, 100_000), 50, 'Most attempts of the whole task.'),
  'orchestrator.max_runtime_seconds': seed(
    limit(),
    14_400,
    'Longest active time of the task; waiting does not count.',
  ),
  'orchestrator.session_delay_seconds': seed(duration(true), 3, 'Pause between two attempts.'),
  'orchestrator.session_timeout_seconds': seed(limit(), 1800, 'Longest attempt; then it is stopped.'),
  'orchestrator.idle_timeout_seconds': seed(limit(), 300, 'Longest silence of an attempt (no output).'),

  'models.default': seed(
    model(),
    null,
    'Model of every role that has none of its own, and no other backend than the main agent.',
    'the default of the agent',
  ),
  'models.initializer': seed(model(), null, 'Model of the planner.', 'models.default'),
  'models.coder': seed(model(), null, 'Model of the coder.', 'models.default'),
  'models.reviewer': seed(model(), null, 'Model of the reviewer.', 'models.default'),
  'models.qa': seed(model(), null, 'Model of QA.', 'models.default'),

  'agent.backend': own(
    backend(),
    null,
    'Agent of all roles that have none of their own. claude, codex, gemini: that program, started and understood in its own way. command: any program, see agent.command. `backend: claude` is short for it.',
    'command where agent.command is written',
  ),
  'agent.command': own(
    command(),
    null,
    'Program of all roles that have none of their own; the prompt is on its standard input. `agent: [..]` is short for it. With a backend of its own kind: where that program is, and its first arguments.',
    'the name of the backend',
  ),
  'agent.max_thinking_tokens': seed(int(0, 10_000_000), 4096, 'Handed to the agent as MAX_THINKING_TOKENS.'),
  'agents.initializer.backend': own(
    backend(),
    null,
    'Agent of the planner; without agents.initializer.command the program of that name.',
    'agent.backend',
  ),
  'agents.initializer.command': own(command(), null, 'Program of the planner.', 'agent.command'),
  'agents.initializer.prompt': seed(
    promptFile(),
    null,
    'File with the prompt of the planner.',
    '.rasen/prompts/initializer.md if it exists',
  ),
  'agents.initializer.read_only': seed(fixed(false, 'the planner works in the worktree'), false, 'Fixed.'),
  'agents.coder.backend': own(
    backend(),
    null,
    'Agent of the coder; without agents.coder.command the program of that name.',
    'agent.backend',
  ),
  'agents.coder.command': own(command(), null, 'Program of the coder.', 'agent.command'),
  'agents.coder.prompt': seed(
    promptFile(),
    null,
    'File with the prompt of the coder.',
    '.rasen/prompts/coder.md if it exists',
  ),
  'agents.coder.read_only': seed(fixed(false, 'the coder is the one who writes'), false, 'Fixed.'),
  'agents.reviewer.backend': own(
    backend(),
    null,
    'Agent of the reviewer; review runs where one is written; without agents.reviewer.command the program of that name.',
    'agent.backend',
  ),
  'agents.reviewer.command': own(
    command(),
    null,
    'Program of the reviewer; review runs where one is written.',
    'agent.command',
  ),
  'agents.reviewer.prompt': seed(
    promptFile(),
    null,
    'File with the prompt of the reviewer.',
    '.rasen/prompts/reviewer.md if it exists',
  ),
  'agents.reviewer.read_only': seed(fixed(true, 'a reviewer works in a read-only checkout'), true, 'Fixed.'),
  'agents.qa.backend': own(
    backend(),
    null,
    'Agent of QA; QA runs where one is written; without agents.qa.command the program of that name.',
    'agent.backend',
  ),
  'agents.qa.command': own(command(), null, 'Program of QA; QA runs where one is written.', 'agent.command'),
  'agents.qa.prompt': seed(
    promptFile(),
    null,
    'File with the prompt of QA.',
    '.rasen/prompts/qa.md if it exists',
  ),
  'agents.qa.read_only': seed(fixed(true, 'QA works in a read-only checkout'), true, 'Fixed.'),

  'worktree.enabled': seed(
    bool(),
    true,
    'true: work in a git worktree of its own. false: in the project folder itself.',
  ),
  'worktree.base_path': seed(
    text(4096, 'a path'),
    '.worktrees',
    'Folder of the worktrees, relative to the project.',
  ),

  'memory.enabled': seed(bool(), true, 'Decisions and learnings of an attempt are told to the later ones.'),
  'memory.max_decisions': seed(int(0, 100), 5, 'Most decisions that are kept.'),
  'memory.max_learnings': seed(int(0, 100), 5, 'Most learnings that are kept.'),
  'memory.path': seed(viewFile(), '.rasen/memories.md', 'Where the view of the memory is written.'),
  'memory.max_tokens': seed(int(0, 1_000_000), 2000, 'Longest memory in a prompt, in tokens.'),

  'backpressure.require_tests': seed(
    bool(),
    true,
    'The test command of the project is a gate. Without `gates` it is found in package.json, pyproject.toml, Makefile, Cargo.toml or go.mod.',
  ),
  'backpressure.require_lint': seed(
    bool(),
    true,
    'The lint command of the project is a gate, where one is found.',
  ),

  'background.enabled': seed(bool(), false, '`rasen run` starts in the background without --background.'),
  'background.pid_file': seed(
    viewFile(),
    '.rasen/rasen.pid',
    'Where the process id of the supervisor is written.',
  ),
  'background.log_file': seed(viewFile(), '.rasen/rasen.log', 'Where the log of the task is written.'),
  'background.status_file': seed(viewFile(), '.rasen/status.json', 'Where the status is written.'),

  'stall_detection.max_no_commit_sessions': seed(
    int(1, 1000),
    3,
    'Attempts of one subtask without a commit before it is given up.',
  ),
  'stall_detection.max_consecutive_failures': seed(
    int(1, 1000),
    5,
    'Failed attempts in a row, without progress, before the task blocks.',
  ),
  'stall_detection.circular_fix_threshold': seed(
    number(0, 1),
    0.3,
    'Similarity of two failed approaches from which the prompt warns of going in circles.',
  ),

  'review.enabled': seed(
    bool(),
    true,
    'Review the result. Written as true, the main agent reviews where the reviewer has no program of its own.',
    'true where agents.reviewer.command is written',
  ),
  'review.per_subtask': seed(bool(), false, 'Review every subtask, not only the whole.'),
  'review.max_loops': seed(int(1, 1000), 3, 'Most rounds of review.'),
  'qa.enabled': seed(
    bool(),
    true,
    'Check the whole result. Written as true, the main agent does it where QA has no program of its own.',
    'true where agents.qa.command is written',
  ),
  'qa.per_subtask': seed(bool(), false, 'QA for every subtask, not only the whole.'),
  'qa.max_iterations': seed(int(1, 1000), 50, 'Most rounds of QA.'),
  'qa.recurring_issue_threshold': seed(int(1, 100), 3, 'The same issue this often: a person is asked.'),

  gates: own(
    gateList,
    null,
    'Commands that must pass before a subtask counts as done; each a list of words or {run, name, timeout, ok}. none: no gates, on purpose.',
    'the test and lint commands found in the project',
  ),
  setup: own(command(), null, 'Command that readies a new worktree, such as [npm, ci].', 'none'),
  parallel: own(int(1, 64), 1, 'Subtasks of one task that may run at once.'),
  baseline: own(
    oneOf('require', 'allow'),
    'require',
    'require: the gates must pass before the first subtask. allow: they may fail then.',
  ),
  protected: own(
    listOf(text(4096, 'a path or pathspec'), 1000, 'a list of paths'),
    PROTECTED_DEFAULT,
    'Paths that no attempt may change. .rasen, rasen.yml and the configuration in use always belong to them.',
  ),
  'limits.attempts': own(int(1, 100), 5, 'Most attempts of one subtask.'),
  'limits.output_max': own(
    size(4096, 1024 ** 4),
    1024 ** 3,
    'Kept output of one attempt; older output is freed and counted.',
    '1gb',
  ),
  'limits.memory': own(
    RESOURCES.memory.type,
    null,
    'Most memory of one attempt, all its processes together; beyond it the attempt is ended. Needs the cage `unit`; see RESOURCES.',
    'no limit',
  ),
  'limits.cpu': own(
    RESOURCES.cpu.type,
    null,
    'Most processor time of one attempt, in processors: 0.5 is half of one, 2 is all of two. Needs the cage `unit`.',
    'no limit',
  ),
  'limits.tasks': own(
    RESOURCES.tasks.type,
    null,
    'Most processes and threads of one attempt; beyond it no new one can be made. Needs the cage `unit`.',
    'no limit',
  ),
  'limits.runtime': own(
    RESOURCES.runtime.type,
    null,
    'Longest attempt, ended by the system itself, so also while no supervisor runs. Needs the cage `unit`; `orchestrator.session_timeout_seconds` does not.',
    'no limit',
  ),
  env: byName(
    ENV,
    {},
    'Variables for every program of the task, over those captured when it is handed over; those of a subtask are stronger. A value that looks like a secret is refused: this file is read by agents.',
    'none',
  ),
  pass_env: own(
    PASS_ENV,
    [],
    'Variables that are captured beside the usual ones when the task is handed over, by name, or by beginning and an *; see ENVIRONMENT AND SECRETS.',
    'none',
  ),
  secrets: byName(
    SECRETS,
    {},
    'Variables whose values are looked up whenever a program of the task starts, each a reference or {from, for}; see ENVIRONMENT AND SECRETS.',
    'none',
  ),
  auto_resume: own(
    bool(),
    true,
    'false: after a restart of the supervisor the task waits for `rasen resume`.',
  ),
  'log.max_size': own(
    size(1024, 1024 ** 3),
    10 * 1024 ** 2,
    'The log of the task is rotated at this size.',
    '10mb',
  ),
  'log.keep': own(int(0, 1000), 5, 'Rotated logs that are kept.'),
};

export type KeyName = keyof typeof rows;
export type Settings = { [K in KeyName]: (typeof rows)[K] extends KeyRow<infer T> ? T : never };

export const KEYS: { readonly [K in KeyName]: KeyRow<unknown> } = rows;

export const DEFAULTS: Settings = Object.fromEntries(
  Object.entries(rows).map(([key, row]) => [key, row.default]),
) as unknown as Settings;

/** Other names of keys: the shape of `.rasen/config.yaml`, and older spellings of RASEN's documents. */
export const ALIASES: Readonly<Record<string, KeyName>> = {
  backend: 'agent.backend',
  'agent.model': 'models.default',
  ...Object.fromEntries(ROLES.map(role => [`agents.${role}.model`, `models.${role}` as KeyName])),
  'agents.reviewer.enabled': 'review.enabled',
  'agents.reviewer.per_subtask': 'review.per_subtask',
  'agents.reviewer.max_iterations': 'review.max_loops',
  'agents.qa.enabled': 'qa.enabled',
  'agents.qa.per_subtask': 'qa.per_subtask',
  'agents.qa.max_iterations': 'qa.max_iterations',
  'agents.qa.recurring_issue_threshold': 'qa.recurring_issue_threshold',
  'session.timeout_seconds': 'orchestrator.session_timeout_seconds',
  'session.max_iterations': 'orchestrator.max_iterations',
  'stall.max_no_commit_sessions': 'stall_detection.max_no_commit_sessions',
  'stall.max_consecutive_failures': 'stall_detection.max_consecutive_failures',
  'review.max_iterations': 'review.max_loops',
  'review.agent.command': 'agents.reviewer.command',
  'review.agent.backend': 'agents.reviewer.backend',
  'qa.agent.command': 'agents.qa.command',
  'qa.agent.backend': 'agents.qa.backend',
};

/** The key of a role, typed: `models.coder`, `agents.qa.command`. */
export const roleKey = {
  model: (role: Role) => `models.${role}` as const,
  command: (role: Role) => `agents.${role}.command` as const,
  backend: (role: Role) => `agents.${role}.backend` as const,
  prompt: (role: Role) => `agents.${role}.prompt` as const,
};

/** One row of rasen.yml(5). */
export interface ConfigKey {
  key: string;
  /** In words. */
  type: string;
  default: unknown;
  default_text: string;
  about: string;
  seed: boolean;
  /** The key that this one is another name of. */
  same_as: KeyName | null;
}

const OWN_ALIASES = new Set([
  'backend',
  'review.agent.command',
  'review.agent.backend',
  'qa.agent.command',
  'qa.agent.backend',
]);

/** Every key under every name. */
export const CONFIG_KEYS: readonly ConfigKey[] = [
  ...Object.entries<KeyRow<unknown>>(rows).map(([key, row]) => describe(key, row, null)),
  ...Object.entries(ALIASES).map(([key, target]) => describe(key, rows[target], target)),
];

function describe(key: string, row: KeyRow<unknown>, same_as: KeyName | null): ConfigKey {
  return {
    key,
    type: row.type.wanted,
    default: row.default,
    default_text: row.default_text ?? JSON.stringify(row.default),
    about: same_as ? `Another name of ${same_as}.` : row.about,
    seed: same_as ? !OWN_ALIASES.has(key) : row.seed,
    same_as,
  };
}
