/** rasen(1): the command line, from the table of commands; and what the commands of a task find and leave. */
import type { AnyCommand, ArgumentSpec } from '../../src/cli/command.ts';
import { COMMANDS } from '../../src/cli/commands/index.ts';
import { errorList, exitList } from './errors-text.ts';
import { ManPage } from './man-page.ts';
import { sentence } from './schema-text.ts';
import {
  COMMAND_VARIABLES,
  RESULT_EXAMPLE,
  RESULT_FIELDS,
  RESULT_STATUSES,
  STATUSES,
  TAG_TOPICS,
  type Variable,
  WORDS,
} from './task-text.ts';

/** Variables that `rasen` itself reads. */
const ENVIRONMENT: readonly Variable[] = [
  {
    name: 'RASEN_HOME',
    about:
      'Holds everything of one instance: state, settings and socket (in `run/`). An absolute path. An instance knows nothing of another one. It must be yours, and nobody else may write to it: `rasen` and `rasend` refuse another one (exit status 77) before anything is sent or written. Not set: the XDG folders below.',
  },
  {
    name: 'RASEN_RUNTIME_DIR',
    about:
      'Folder of the socket where RASEN_HOME is not set. An absolute path; it must be yours and its mode 0700.',
  },
  {
    name: 'XDG_STATE_HOME',
    about:
      'State is in `$XDG_STATE_HOME/rasen`; default `~/.local/state/rasen`. Relative paths in XDG folders are ignored.',
  },
  {
    name: 'XDG_RUNTIME_DIR',
    about:
      'The socket is in `$XDG_RUNTIME_DIR/rasen`; default `/run/user/UID/rasen` where that folder is there, else `~/.local/state/rasen/run`. Where none is there and a service of the system runs rasend for the user, it is in `/run/rasen/USER`.',
  },
  {
    name: 'XDG_CONFIG_HOME',
    about: 'Settings of the supervisor are in `$XDG_CONFIG_HOME/rasen/rasend.yml`; default `~/.config`.',
  },
  { name: 'RASEN_AGENT_MODEL', about: 'Model of every role, over all configuration files.' },
  { name: 'RASEN_MAX_ITERATIONS', about: 'As `orchestrator.max_iterations`, over all configuration files.' },
  {
    name: 'RASEN_SESSION_TIMEOUT',
    about: 'As `orchestrator.session_timeout_seconds`, over all configuration files.',
  },
  {
    name: 'GITHUB_TOKEN',
    about:
      'For `rasen pr` and `rasen gateway`: opens pull requests of tasks that came without a token of their own.',
  },
  { name: 'GH_TOKEN', about: 'The same, where GITHUB_TOKEN is not set.' },
  { name: 'NO_COLOR', about: 'Set to anything: no bold text. No meaning is in colour or bold alone.' },
  { name: 'TERM', about: '`dumb`: no display that is redrawn in place, and no bold text.' },
  {
    name: 'VISUAL',
    about: 'The editor of `rasen plan edit`; it may have arguments. Not set: EDITOR, then vi.',
  },
  { name: 'EDITOR', about: 'As VISUAL.' },
  {
    name: 'RASEN_SANDBOXED',
    about:
      'Set in the sandbox of a task, from which the supervisor is out of reach: commands that need it say so and do nothing, unless RASEN_HOME names an instance.',
  },
  {
    name: 'RASEN_ATTEMPT',
    about:
      'Set inside of an attempt: what is started there would end with it, so a command that reads or follows starts no supervisor.',
  },
  {
    name: 'SHELL',
    about: 'Named in advice about aliases and functions. A command that runs with `--pty` has it as it is.',
  },
  {
    name: 'RASEN_NOFILE',
    about:
      'Set by the launcher itself: the soft limit of open files of the shell, which its runtime raises for itself.',
  },
  { name: 'RASEN_DEBUG', about: 'Set to anything: a bug shows where in the code it happened.' },
];

const FILES: Readonly<Record<string, string>> = {
  'rasen.yml': 'Configuration of the project; see rasen.yml(5).',
  '.rasen/supervisor.json':
    'Who has the lock of the project: process, user and state folder of the supervisor with an unfinished task here. For messages; the lock is the kernel’s.',
  '.rasen/config.yaml':
    'Configuration of the task, stronger than rasen.yml. `rasen init` writes one in which everything is commented out.',
  '.rasen/task.txt': 'The task text.',
  '.rasen/plan.json': 'The plan that `rasen init` was given, until the task is run.',
  '.rasen/task.json': 'Id of the task.',
  '.rasen/prompts/': 'Prompts of the roles, yours to edit.',
  '.rasen/status.json':
    'A view of the task, for scripts; beside it are `implementation_plan.json`, `attempt_history.json`, `good_commits.json`, `metrics.json`, `memories.md`, `rasen.log` and `rasen.pid`. Its statuses are the few of RASEN: waiting and blocked show as running, with the reason. Editing a view changes nothing.',
  '.worktrees/task-SLUG': 'The clone that a task in a git repository works in, on the branch `rasen/SLUG`.',
  'refs/rasen/TASK/':
    'Refs in the repository: `base`, `good/K` for every accepted commit, `attempt/SUBTASK/N` for every attempt. Made once, never moved.',
};

export function rasen1(version: string): string {
  const page = new ManPage({
    name: 'rasen',
    section: 1,
    version,
    about: 'long tasks that survive closed terminals, crashes and restarts',
  });
  page.section('Synopsis');
  page.para(
    '`rasen` <<command>> [<<options>>] [<<arguments>>]',
    '`rasen help` [<<command>>]',
    '`rasen run` [<<options>>] `--` <<program>> [<<argument>> ...]',
  );
  description(page);
  page.section('Commands');
  page.para(
    'A <<task>> is named by its id, by a part of the id from its beginning or end of at least 4 characters, by its name, or by the folder of its project, which is its newest task. Without one it is the task of the project that the current folder is in.',
    'Standard output is the answer, standard error is everything else. Every command that answers has `--format json` and its short form `--json`: one line of JSON, to which later versions only add fields. An error is then an object `error` with `kind`, `message`, `hint` and `data`.',
  );
  for (const command of COMMANDS) commandSection(page, command);
  page.sub('rasen help [command]');
  page.para('Show the help of a command.');
  page.item('`-h`, `--help`', 'Show the help; of every command, too.');
  page.item('`-V`, `--version`', 'Show the version.');
  page.endList();
  commandEnvironment(page);
  resultFile(page);
  page.section('Environment');
  for (const { name, about } of ENVIRONMENT) page.item(`\`${name}\``, about);
  page.section('Files');
  for (const [file, about] of Object.entries(FILES)) page.item(`\`${file}\``, about);
  page.endList();
  page.para('The state of the supervisor is described in rasend(8).');
  page.section('Exit status');
  exitList(page);
  page.section('Errors');
  page.para('The `kind` of an error is stable; programs should look at it and not at the text.');
  errorList(page);
  page.section('See also');
  page.para(
    'rasen.yml(5), rasen-agents(7), rasen-overnight(7), rasen-protocol(7), rasend(8), rasen-gateway(8), rasen-mcp(1)',
  );
  return page.toString();
}

function description(page: ManPage): void {
  page.section('Description');
  page.para(
    '`rasen` hands work that takes hours to a supervisor, rasend(8), and shows what becomes of it. The work goes on when the terminal is closed, when `rasen` is killed, and when the supervisor is. Where no supervisor answers, commands that change something start one, and commands that follow a task do so as long as it goes on. Commands that only read are answered from the disk, and say so, unless a supervisor has left unfinished work without an orderly end: then they start one, too.',
    'In a git repository agents work in a clone of their own (or in a linked worktree: `worktree.isolation` in rasen.yml(5)). The checkout and the branches of the user are not touched before `rasen merge`.',
  );
  page.sub('Words');
  for (const [word, about] of Object.entries(WORDS)) page.item(word, about);
  page.endList();
  page.sub('Statuses of a task');
  for (const [status, about] of Object.entries(STATUSES)) page.item(`\`${status}\``, about);
  page.endList();
}

function commandSection(
  page: ManPage,
  { name, summary, details = [], arguments: args = [], options, examples }: AnyCommand,
): void {
  page.sub(`rasen ${name}`);
  const some = options.length > 0 ? ['[<<options>>]'] : [];
  page.para([`\`rasen ${name}\``, ...some, ...args.map(argument)].join(' '));
  page.para(`${summary}.`, ...details);
  for (const { name: argument, about } of args) page.item(`<<${argument}>>`, sentence(capital(about)));
  for (const { flags, about, choices } of options)
    page.item(
      flagText(flags),
      sentence(capital(about)),
      ...(choices ? [`One of ${choices.map(c => `\`${c}\``).join(', ')}.`] : []),
    );
  page.endList();
  if (examples.length === 0) return;
  page.para(examples.length === 1 ? 'Example:' : 'Examples:');
  page.code(examples.map(e => (e.about ? `# ${e.about}\n${e.command}` : e.command)).join('\n'));
}

function argument({ name, optional, many }: ArgumentSpec): string {
  const word = `<<${name}>>${many ? ' ...' : ''}`;
  return optional ? `[${word}]` : word;
}

/** `-n, --lines <n>` with the names bold and the value italic. */
function flagText(flags: string): string {
  return flags.replaceAll(/--?[\w-]+|<([^>]+)>/g, (word, value?: string) =>
    value === undefined ? `\`${word}\`` : `<<${value}>>`,
  );
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function commandEnvironment(page: ManPage): void {
  page.section('Environment of a task');
  page.para(
    'Commands get the environment of the `rasen run` that handed the task over, as it was then, without RASEN_*, npm_* and the variables of service managers. It is kept in a file of mode 0600 and in no argument list. `env` of a plan is added to it. A service finds its port as PORT, and what needs it RASEN_URL_ID and RASEN_PORT_ID; see rasen.yml(5), SERVICES AND ORDER. All have:',
  );
  const list = (variables: readonly Variable[]) => {
    for (const { name, about } of variables) page.item(`\`${name}\``, about);
    page.endList();
  };
  list(COMMAND_VARIABLES.all);
  page.para(
    'Agents also find the prompt on standard input; standard input of every other command is empty. They have:',
  );
  list(COMMAND_VARIABLES.agent);
  page.para('Gates, reviewer and QA have:');
  list(COMMAND_VARIABLES.gate);
}

function resultFile(page: ManPage): void {
  page.section('Result file');
  page.para(
    'An agent leaves its result as JSON in the file that RASEN_RESULT_FILE names. It is a claim: only what speaks against the work has force, everything else is for the gates to decide. Every field may be absent; one that is not known is passed by. A file that is there and is not of this form fails the attempt.',
  );
  for (const [field, about] of Object.entries(RESULT_FIELDS)) page.item(`\`${field}\``, about);
  page.endList();
  page.para('The statuses:');
  for (const [status, about] of Object.entries(RESULT_STATUSES)) page.item(`\`${status}\``, about);
  page.endList();
  page.para('For example:');
  page.code(RESULT_EXAMPLE);
  page.para(
    `Where there is no file, the last tag of RASEN at the end of the output counts, such as \`<event topic="build.done">...</event>\`. The topics are ${TAG_TOPICS.map(topic => `\`${topic}\``).join(', ')}.`,
  );
}
