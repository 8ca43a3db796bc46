/** The keys of plan files in words, for rasen.yml(5). The tables of kinds are in src/config; a key without a row here does not compile. */
import { PLAN_FIELDS } from '../../src/config/plan-form.ts';
import { SUBTASK_FIELDS } from '../../src/config/plan-subtask.ts';
import { SERVICE_FIELDS } from '../../src/config/service-type.ts';

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
  needs:
    'What it comes after: an id, a list of ids, or ids with what is waited for, as `[a, {b: started}]` or `{a: done, b: started}`; see SERVICES AND ORDER. Default: `done`, and `ready` of a service.',
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
  finally: 'true: the same as a subtask under `finally` at the top of the file.',
};

const SERVICE: Readonly<Record<keyof typeof SERVICE_FIELDS, string>> = {
  ready:
    'When it is ready, one of: `tcp` (PORT or HOST:PORT takes connections), `http` (the URL answers with a status below 400), `line` (a line of its output has the text), `file` (the file was written since it was started), `command` (ends with exit code 0); and `timeout` (default: 60s). Without it: when its port takes connections, or as soon as it runs where it has none. `${PORT}` stands for the port.',
  health:
    'How it is looked at while it is ready: one of the same but `line`, or none, which is that of `ready`; `every` (default: 10s); `failures` in a row after which it is stopped and started again (default: 3). Without it: only whether it runs.',
  restart:
    '`on-failure` (default): started again after any end but one with exit code 0. `always`: after any end. `never`: not at all. The pause is one second, then twice as long each time up to a minute; after a minute of being ready it is one second again.',
  max_restarts: 'Most restarts within `restart_window`; then the service has failed. Default: 5.',
  restart_window: 'Default: 10m.',
  port: '`auto`: a free one, the same for as long as nobody else takes it while the task rests, and at the next time in this folder, too, where nobody has taken it. A number: that one. Default: none is known.',
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
  keep: {
    type: 'a list of words such as [npm, run, dev]',
    about:
      'A service that stays up, in the place of `run`; see SERVICES AND ORDER. `${PORT}` in it stands for its port.',
  },
  do: { type: 'a map with run, keep or agent', about: 'The normal form of `run`, `keep` and `agent`.' },
  need_states: {
    type: 'a map from id to a state',
    about: 'The normal form of what `needs` says beside ids.',
  },
  service: {
    type: 'a map',
    about: 'The normal form of the settings of a service; rasen writes it.',
  },
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
  {
    key: 'finally',
    type: 'a list of commands, or a map from id to command',
    about: 'What runs at the end of the task, however that is; see SERVICES AND ORDER.',
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
  ...rowsOf(SERVICE, SERVICE_FIELDS).map(row => ({ ...row, about: `Of a service. ${row.about}` })),
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
