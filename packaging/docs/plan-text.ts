/** The keys of plan files in words, for rasen.yml(5). The tables of kinds are in src/config; a key without a row here does not compile. */
import { PLAN_FIELDS } from '../../src/config/plan-form.ts';
import { SUBTASK_FIELDS } from '../../src/config/plan-subtask.ts';

export interface PlanRow {
  key: string;
  /** In words, as in messages. */
  type: string;
  about: string;
}

const TOP: Readonly<Record<keyof typeof PLAN_FIELDS, string>> = {
  version: 'Version of the form; may be left out.',
  task: 'Id of the task; rasen sets it.',
  goal: 'The task text, where none is given otherwise.',
  source: 'Who wrote it; rasen sets it.',
  rev: 'Revision; rasen sets it.',
  name: 'Short name of the task.',
  base: 'Commit or branch to start from. Default: HEAD.',
  parallel:
    'Subtasks that may run at once, where the configuration says nothing. Sessions of agents in one worktree never do. Default: 1.',
  sequential: 'true: every subtask also needs the one before it.',
  shell: 'true: `run` may be a text for /bin/sh everywhere in the file.',
  pass_env:
    'Variables that are captured beside the usual ones, in addition to those of the configuration; see ENVIRONMENT AND SECRETS.',
  secrets:
    'Variables whose values are looked up when a program starts; those of the configuration are stronger. See ENVIRONMENT AND SECRETS.',
};

const SUBTASK: Readonly<Record<keyof typeof SUBTASK_FIELDS, string>> = {
  title: 'One line for people and for the prompt.',
  description: 'What is to be done, for the prompt.',
  prompt: 'The same as `description`.',
  agent:
    'The role that does it. Where neither `run` nor `agent` is written, but a description is, it is the coder.',
  needs: 'Subtasks that must be done before.',
  files: 'Files it is about; told to the agent.',
  acceptance: 'What must be true when it is done; told to the agent and to those who judge.',
  tests:
    'Test files that it may add or change. In a plan of the user also a file that gates go by, named by its whole path; see GATES.',
  attempts: 'Most attempts. Default: `limits.attempts` for agents, 1 for commands.',
  timeout: 'Longest attempt. Default: `orchestrator.session_timeout_seconds`.',
  timeout_seconds: 'The same as `timeout`.',
  idle_timeout: 'Longest silence of an attempt. Default: `orchestrator.idle_timeout_seconds`.',
  idle_timeout_seconds: 'The same as `idle_timeout`.',
  on_fail:
    '`stop`: nothing new starts after it fails. `continue`: what does not need it goes on. Default: `stop`.',
  on_lost: 'When an attempt is lost (power cut, killed runner): `rerun` it, or `fail`. Default: `rerun`.',
  allow_empty: 'true: the agent may change nothing.',
  cwd: 'Folder, relative to the workspace.',
  model: 'Model of the agent.',
  claimed_completed:
    'true: it is said to be completed already. Before anybody works on it the gates of the project and its own are run: if all pass, it is completed, else it is done. Set by itself for what an imported plan calls completed. Only for sessions of agents; without gates nothing is believed.',
};

/** Keys that are read by hand, as src/config/schema.ts lists them. */
const BY_HAND: Readonly<Record<string, Omit<PlanRow, 'key'>>> = {
  id: {
    type: '1 to 40 of a-z, 0-9, "-" and "."',
    about: 'Unique in the plan. It is part of names of folders and refs.',
  },
  run: {
    type: 'a list of words such as [npm, test]',
    about: 'The command. There is no shell in between; with `shell: true` it may be a text for /bin/sh.',
  },
  do: { type: 'a map with run or agent', about: 'The normal form of `run` and `agent`.' },
  shell: {
    type: 'true or false',
    about: '`run` of this subtask and of its gates may be a text for /bin/sh.',
  },
  gates: {
    type: 'a list of gates',
    about: 'Gates in addition to those of the project, which always count; see GATES.',
  },
  env: {
    type: 'a map of variables',
    about: 'Added to the environment of the commands. A value that looks like a secret is refused.',
  },
  limits: {
    type: 'a map with attempts, timeout, idle_timeout, memory, cpu, tasks, runtime',
    about:
      'Another place for the first three, and the place of the others, which are in place of those of the task; see RESOURCES.',
  },
};

const ALL: Readonly<Record<string, string>> = {
  gates: 'Gates for the whole task, in addition to those of the project; see GATES.',
  env: 'Variables for every subtask; those of a subtask are stronger.',
  attempts: 'For every subtask that says nothing else.',
  timeout: 'For every subtask that says nothing else.',
  timeout_seconds: 'The same as `timeout`.',
  idle_timeout: 'For every subtask that says nothing else.',
  idle_timeout_seconds: 'The same as `idle_timeout`.',
  limits:
    'Another place for attempts, timeout and idle_timeout; memory, cpu, tasks and runtime for every subtask that says nothing else.',
};

/** Keys of the file itself. */
export const PLAN_ROWS: readonly PlanRow[] = [
  {
    key: 'subtasks',
    type: 'a list of subtasks, or a map from id to subtask',
    about:
      'What is to be done: 1 to 200 subtasks. In a map, a subtask that is only a command may be written as its list of words.',
  },
  ...rowsOf(TOP, PLAN_FIELDS),
  ...Object.entries(ALL).map(([key, about]) => ({
    key,
    type: BY_HAND[key]?.type ?? SUBTASK_FIELDS[key as keyof typeof SUBTASK_FIELDS].wanted,
    about,
  })),
];

/** Keys of one subtask. */
export const SUBTASK_ROWS: readonly PlanRow[] = [
  ...Object.entries(BY_HAND).map(([key, row]) => ({ key, ...row })),
  ...rowsOf(SUBTASK, SUBTASK_FIELDS),
];

function rowsOf<K extends string>(
  about: Readonly<Record<K, string>>,
  fields: Readonly<Record<K, { wanted: string }>>,
): PlanRow[] {
  return (Object.keys(fields) as K[]).map(key => ({
    key,
    type: fields[key].wanted.replace(/^a whole number from (\d+) to \1$/, '$1'),
    about: about[key],
  }));
}
