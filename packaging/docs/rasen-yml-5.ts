/** rasen.yml(5): the configuration, from the table of keys; plan files; gates. */

import {
  CONFIG_KEYS,
  type ConfigKey,
  ENV_KEYS,
  PLACEHOLDERS,
  USER_SECTIONS,
} from '../../src/config/index.ts';
import type { Backend } from '../../src/contract/backends.ts';
import { NOTICE_KINDS } from '../../src/contract/notify.ts';
import type { SecretUser } from '../../src/contract/spec.ts';
import { MAX_NOTICE_TRIES, MAX_NOTICES_PER_HOUR, NOTICE_RETRY_MS } from '../../src/engine/notices.ts';
import { AGENT_LOGINS, logsInWith } from '../../src/engine/recipient.ts';
import type { Message } from '../../src/notify/message.ts';
import { MASKED_CHARS_MIN } from '../../src/secrets/mask.ts';
import { USUAL } from '../../src/submit/captured-env.ts';
import { ManPage } from './man-page.ts';
import { PLAN_ROWS, type PlanRow, SUBTASK_ROWS } from './plan-text.ts';
import { sentence } from './schema-text.ts';
import { servicesText } from './services-text.ts';

const BACKENDS: Readonly<Record<Backend, string>> = {
  claude:
    'Claude Code. Files may be changed and commands be run; every other tool that asks is refused, since nobody is there: a session that ends so without a result counts as a question. A usage limit is waited for until the time that it states where `limits.wait` is true; else it blocks the task.',
  codex:
    "Codex, through its app-server, or by `codex exec` where a version has none. In its own sandbox, which may write the worktree, the folders of git and the temporary folder. Whether commands reach the network is its own configuration's to say (`sandbox_workspace_write.network_access`).",
  gemini: 'Gemini CLI, with all tools allowed: the cage of the attempt is the only one it has.',
  opencode:
    'OpenCode (`opencode run`), with everything allowed that its own configuration does not deny. A usage limit, or a server that does not answer, it waits for without a word: only the limits of silence end that (`orchestrator.idle_timeout_seconds`), and nobody knows then what it was.',
  acp: 'Any program that speaks the Agent Client Protocol (version 1), which must be named: `agent: {backend: acp, command: [opencode, acp]}`, or `[gemini, --acp]`. Every question for permission is answered at once: commands and reading are allowed, changes of files where the work is, anything else is refused and counted. The protocol has no words for when a limit ends, for requests that are tried again and for tokens before the end of a turn, so outcomes are coarser than with the other agents, and a limit is waited for, where `limits.wait` is true, without knowing its end. Notes are told when a turn is over. Mode and model are chosen over the protocol; a model that the program does not offer is an error.',
  command:
    'Any program. It says nothing about limits, logins and tokens but what it writes into the result file itself.',
};

const GATES: Readonly<Record<string, string>> = {
  clean:
    'Always, for sessions in a git repository: what was left uncommitted is committed, the commit descends from the last good one, nothing is unmerged, something changed (unless `allow_empty`), and no file of git’s (`.gitattributes`, `.gitignore`, the index) was made a FIFO or another special file.',
  diff: 'Always, for sessions in a git repository: no protected path, no file that decides about gates, hooks or CI, nothing else that decides what a gate means (see below), no test that was deleted, emptied, switched off or loosened, no script that runs tests and now succeeds whatever they find, no check switched off for a whole file, no program that asks whether it is tested, no secret, no new link that leads out of the tree or into .git, no name that a file system takes for .git, no change beyond all measure. A hit blocks the task until a person has looked; it is nothing that an agent could repair.',
  commands:
    'Those of the project, then those of the plan. Without `gates` in the configuration they are the test and lint commands found in package.json, pyproject.toml, Makefile, Cargo.toml or go.mod.',
  review:
    'Where it is enabled: a session with the prompt of the reviewer, in a checkout of its own that is thrown away. It passes with the verdict `approved`; no verdict is none.',
  qa: 'The same for the whole result, with the prompt of QA.',
};

const GATE_KEYS: readonly PlanRow[] = [
  {
    key: 'run',
    type: 'a list of words such as [npm, test]',
    about: 'The command; with `shell: true` a text for /bin/sh.',
  },
  { key: 'name', type: 'a name', about: 'Shown in status and evidence. Default: the command.' },
  {
    key: 'timeout',
    type: 'a duration',
    about: 'Longest run, at most a day. Default: 10m. Also `timeout_seconds`.',
  },
  { key: 'ok', type: 'an exit code or a list of them', about: 'Exit codes that pass. Default: 0.' },
  { key: 'shell', type: 'true or false', about: '`run` is a text for /bin/sh.' },
];

export function rasenYml5(version: string): string {
  const page = new ManPage({
    name: 'rasen.yml',
    section: 5,
    version,
    about: 'configuration and plan files of rasen',
  });
  page.section('Description');
  page.para(
    'The configuration of a project says which program does the work, what it is checked with, and its limits. It is YAML; comments stay yours. An unknown key is an error with the nearest known one, as is a value of the wrong kind; every problem is told with file, line and column. `rasen config check` looks without running anything, `rasen config schema` prints a JSON Schema for editors.',
    'The configuration is read when a task is handed over, and goes with it by value: what is changed later counts for later tasks.',
  );
  page.sub('Precedence');
  page.para('Key by key, the strongest first:');
  for (const [source, about] of [
    ['options', 'Those of the command line, such as `--skip-review`.'],
    [
      'environment',
      `${Object.keys(ENV_KEYS)
        .map(name => `\`${name}\``)
        .join(', ')}.`,
    ],
    ['.rasen/config.yaml', 'The configuration of the task.'],
    ['rasen.yml', 'The configuration of the project, or the file given with `--config`.'],
    [
      '~/.config/rasen/config.yml',
      `Your own configuration, for all projects: ${USER_SECTIONS.map(name => `\`${name}\``).join(' and ')} alone. In $XDG_CONFIG_HOME where that is set.`,
    ],
    ['defaults', 'Those below.'],
  ] as const)
    page.item(`\`${source}\``, about);
  page.endList();
  page.para('`env` and `secrets` are maps of names of your own: the files add to each other, name by name.');
  page.sub('Two shapes');
  page.para(
    'Both files may be written in either of two shapes: that of rasen.yml (`orchestrator`, `models`, `review`) and that of `.rasen/config.yaml` (`agents`, `session`, `stall`). The second is a list of other names for keys of the first. Both names in one file are an error where they contradict each other.',
    'Durations are seconds, or texts such as 90s, 10m, 1h30m and 2d. Sizes are bytes, or texts such as 512kb, 10mb and 2G; 1k is 1024. Commands are lists of words and run without a shell.',
  );
  page.section('Keys');
  for (const row of CONFIG_KEYS.filter(key => key.same_as === null)) keyItem(page, row);
  page.endList();
  page.sub('Other names');
  page.compact(() => {
    for (const { key, same_as } of CONFIG_KEYS.filter(row => row.same_as !== null))
      page.item(`\`${key}\``, `The same as \`${same_as}\`.`);
  });
  page.endList();
  agents(page);
  relay(page);
  sandbox(page);
  gates(page);
  environment(page);
  resources(page);
  budgets(page);
  planFiles(page);
  servicesText(page);
  prompts(page);
  examples(page);
  page.section('See also');
  page.para('rasen(1), rasend(8), gitglossary(7)');
  return page.toString();
}

function keyItem(page: ManPage, { key, type, default_text, about }: ConfigKey): void {
  page.item(`\`${key}\``, `${sentence(about)} Value: ${sentence(type)} Default: ${default_text}.`);
}

function rows(page: ManPage, list: readonly PlanRow[]): void {
  for (const { key, type, about } of list) page.item(`\`${key}\``, `${about} Value: ${sentence(type)}`);
  page.endList();
}

function agents(page: ManPage): void {
  page.section('Agents');
  page.para(
    '`backend` says which agent works, and so how it is started without a person, and how its output is understood: session, tokens, cost, and why it ended (usage limit, overload, network, login, context, budget). Each is one of:',
  );
  for (const [backend, about] of Object.entries(BACKENDS)) page.item(`\`${backend}\``, about);
  page.endList();
  page.para(
    'The agent uses the login that the user has set up for it; rasen has none of its own. The model is `models.*`. An attempt begins a new session; one that a usage limit, an overload, the network, a login or a stop cut short is gone on with once, where the agent (claude, codex, opencode, acp except gemini) still has it and it is less than a day old. Each has a temporary folder of its own. Arguments that you add to its program (`agent.command`) come before those of rasen. A role may have another agent: `agents.reviewer.backend`, or `review: {agent: {backend: gemini}}`.',
  );
}

function relay(page: ManPage): void {
  page.section('Relay');
  page.para(
    'With `backend: [claude, codex]` the second agent takes over the work while the service of the first one is away: at a usage limit that is over later than `limits.relay_after` (or when nobody says), without a login, and after an hour of overload. It works in the same workspace, from the commit that was left, under the same gates, and its prompt says what was done and why that was cut short. Whoever has begun a subtask goes on with it; at the next one the first agent of the list that is there has its turn again. Where all are away it is as with one agent, but no later than the first of them is back: the task waits (`limits.wait`) or blocks, and `rasen resume` asks the first one at once.',
    'An agent in the list is a name, or a map with `backend`, `command` and `model`; models of the main agent do not count for the others. The planner is relayed where it is the main agent; reviewer and QA never are. `limits.tokens`, `limits.usd` and those of a subtask count for each backend by itself, those of a day and of an attempt for all. `rasen status` says who works and who is away until when, `rasen report` who did what, and the log who begins an attempt.',
  );
  page.code(
    'backend: [claude, codex, {backend: opencode, model: anthropic/claude-sonnet-4-5}]\nlimits: {wait: true, relay_after: 30m}',
  );
}

function sandbox(page: ManPage): void {
  page.section('Sandbox');
  page.para(
    'An agent that rasen knows works in a sandbox where the machine can make one: bubblewrap (bwrap(1)) on Linux, sandbox-exec(1) on macOS. A program of your own (`agent: [program]`) does with `sandbox: on`. `rasen status` names the sandbox of a running attempt; `rasen doctor` says what the machine can do, and what to install if it cannot. Commands and gates have none unless you ask for it; commands of a plan that an agent made are kept to what its planner may.',
  );
  page.item(
    'Writable',
    "The working folder of the task (read-only for a reviewer and QA); temporary files, which are in /tmp and nobody else's; the result file; the login and session folders of the agent, but not the settings in them that name programs (an empty file is made where there are none); the caches of package managers (~/.cache, ~/.npm, ~/.cargo/registry, ~/go/pkg and others); what `sandbox.write` names.",
  );
  page.item('Readable', 'The system and the home, but for the following.');
  page.item(
    'Hidden',
    'The state folder and the sockets of rasen; the repository and every checkout of it but the one that is worked in; the worktrees of other tasks; keys, logins, keyrings, browsers, shell histories and the credentials of other agents (~/.ssh, ~/.aws, ~/.gnupg, ~/.netrc, ~/.config/gh, ~/.docker and others); the files of `secrets`; /run, with the sockets of D-Bus, containers and key agents; processes outside. `sandbox.read` opens one of these again, except what belongs to rasen.',
  );
  page.item(
    'Network',
    "`all` by default. With a list of hosts the sandbox has a network of its own, and its programs reach the hosts through a proxy on 127.0.0.1 that HTTP_PROXY and HTTPS_PROXY name; a port of 127.0.0.1 in the list is also there as it is. A program that knows no proxy reaches nothing else. The agent's own service has to be in the list. A refusal is a line in the log, and the next prompt names the host. If you use a proxy yourself, it is asked in turn. On macOS only `all` and `none` are possible. The support for sandbox-exec was made from its documentation and has not been run on a Mac.",
  );
  page.endList();
  page.para(
    'The prompt says that the agent is in a sandbox. A file that is refused shows as missing or read-only; rasen does not learn of it, the agent does. Commits made in a sandbox are not signed, since the keys are hidden. sudo does not work in a sandbox, and neither does rasen itself: an agent speaks through its result file, and hands work over with rasen-mcp(1), which then runs in a sandbox as its own.',
    'With `worktree.isolation: linked` the work needs more of the repository: objects, its own registration and the refs beside its branch are writable, the rest of the git directory is readable. So an agent can read every commit of the repository, and could damage objects.',
    'What a sandbox does not prevent: what is written into a cache can be used later outside; with `network: all` services of this machine and abstract sockets can be reached; settings of an agent that are symbolic links can be replaced. Files of git-lfs can be read, and are added when rasen commits. codex makes a sandbox of its own inside if that is possible, and works without it if not. Where a container allows no process table of its own, processes outside can be seen and signalled.',
  );
  page.code(
    'sandbox:\n  mode: require\n  read: [~/.config/gh, data]\n  network: [api.anthropic.com, registry.npmjs.org]',
  );
}

function gates(page: ManPage): void {
  page.section('Gates');
  page.para(
    'After an attempt the supervisor itself looks at what it left, in this order, and ends at the first refusal:',
  );
  for (const [gate, about] of Object.entries(GATES))
    page.item(gate === 'commands' ? gate : `\`${gate}\``, about);
  page.endList();
  page.para(
    'The end of the output of a gate that refused goes into the next attempt. When all subtasks are done, all commands run again in a fresh checkout of the final commit; with `base_tests` those of the project run once more with the test files of before the task; and with `mutation_check` they run without the change to the source, until one fails, to tell whether any of them sees it. `rasen merge` runs all of them on the merge. Before the first subtask they must pass, too, unless `baseline` is `allow`.',
    'A subtask that is a command is judged by its exit status and the gates that the plan gives it.',
    'A gate is a list of words, or a map:',
  );
  rows(page, GATE_KEYS);
  page.sub('What gates go by');
  page.para(
    'The same command means something else where its configuration changed. So these may not change unseen, in any folder: configuration of package managers and runtimes (`.npmrc`, `.yarnrc.yml`, `bunfig.toml`, `.nvmrc`, `.tool-versions`, `mise.toml`, `rust-toolchain.toml`, `.cargo/config.toml`, `go.work`, …), what is loaded before everything (`.env`, `.envrc`, `sitecustomize.py`), configuration of test runners, linters and types (`vitest.config.*`, `jest.config.*`, `playwright.config.*`, `pytest.ini`, `eslint.config.*`, `ruff.toml`, `.golangci.yml`, …), what is installed (`node_modules`, `.venv`) where it is committed, and scripts that a gate runs, also by way of a script of package.json, a Makefile or a runner of the project.',
    'Whatever these rules let pass is put to the test with `base_config`: where an attempt touched such files, or those of other tools that stand between a gate and the source (`.babelrc`, `turbo.json`, a key of package.json that rasen does not know, …), the gates run a second time, in a checkout of the supervisor, with these files as they were before the task. When a gate passes with the one and not with the other, a person decides. Without such a change nothing runs twice.',
    '`package.json`, `pyproject.toml`, `Cargo.toml`, `pnpm-workspace.yaml`, `tsconfig.json`, `setup.cfg`, `tox.ini` and Makefiles are parsed and compared key by key: scripts and targets that check (and all that these call), options of tools, sources of packages, module maps, strictness. A new dependency, script, target or alias is free. Of `conftest.py`, `build.gradle`, `pom.xml`, `go.mod`, `vite.config.*` and the like the changed lines that are about tests count.',
    'A plan of the user may let a subtask change such a file: it names the file in `tests`, by its whole path. A planner cannot.',
  );
  page.sub('Review and QA');
  page.para(
    'Review and QA are sessions of agents and cost as much. They run where an agent of their own is written (`agents.reviewer.backend` or `.command`, the same for `qa`), or where `review.enabled` or `qa.enabled` is written as true; then the main agent does it. The default true alone starts nothing.',
    'They look from a checkout of the commit that has no write permission. No verdict, a crash or an answer that cannot be read is no approval; neither is the word of a judge that touched the work (files of the worktree, branch, refs of the task): all of that is put back, and what was put there is kept under refs/rasen/TASK/kept.',
  );
}

const REFERENCES: Readonly<Record<string, string>> = {
  'env:NAME':
    'The line `NAME=VALUE` of secrets.env in the folder of the configuration of rasend ($XDG_CONFIG_HOME/rasen, or RASEN_HOME where that is set). The file must be yours and of mode 0600; it is written as for EnvironmentFile= of systemd.',
  'file:PATH':
    'The text of a file, without the line end. The path is absolute or begins with ~/. A file of yours must not be readable by others; one of root may be, such as those in /run/secrets.',
  'cmd:PROGRAM ARGUMENTS':
    'What a program prints, without the line end; where a word is more than plain letters, a list: [pass, show, "github/my token"]. It runs in the home folder with the environment of the task, without a shell or a terminal, for 30 seconds at most. A status other than 0 is an error.',
  'cred:NAME':
    'A credential of systemd: one that the unit of rasend was given (LoadCredential=, LoadCredentialEncrypted=), else credentials/NAME.cred beside secrets.env, which `systemd-creds encrypt --user` makes (systemd 256 or newer).',
  'keychain:SERVICE/ACCOUNT': 'A generic password in the keychain of macOS; the account may be left out.',
};

const SECRET_USES: Readonly<Record<SecretUser, string>> = {
  agent: 'Every session of an agent.',
  planner: 'Sessions of the planner.',
  coder: 'Sessions of the coder.',
  reviewer: 'Sessions of the reviewer.',
  qa: 'Sessions of QA.',
  run: 'Commands of subtasks.',
  gates: 'Gates that are commands, on a merge, too.',
  setup: 'The command of `setup`.',
  notify: 'The program of `notify.command`, and `notify.webhook` where it names them.',
};

const NOTICE_FIELDS: Readonly<Record<keyof Message, string>> = {
  id: 'Names the notice; the same when it is sent again.',
  kind: `${NOTICE_KINDS.map(kind => `\`${kind}\``).join(', ')}, or \`test\`.`,
  title: 'One line.',
  text: 'All of it in words, on several lines.',
  t: 'When it was made (RFC 3339, UTC).',
  task: 'Id of the task.',
  name: 'Its name.',
  project: 'Its folder.',
  status: 'Its status.',
  why: 'The class of the reason.',
  reason: 'The reason.',
  subtask: 'The subtask it is about, or that is worked on.',
  result:
    'Of a completed task: what its last agent said, or the exit status of its command, and its commits.',
  warnings:
    'A list of sentences about what ended: gates that are tolerated, work in no commit, and the like.',
  error: 'How the last attempt that went wrong ended.',
  last_lines:
    'The end of what its gate, or it itself, printed; secrets are masked, and what looks like one is hidden.',
  resume_at: 'When a waiting task goes on.',
  duration_seconds: 'Since the start.',
  active_seconds: 'Of which something ran.',
  input_tokens: 'That were read.',
  output_tokens: 'That were written.',
  cost_usd: 'What the sessions cost whose program says so; null: none did.',
  next: 'The command to type next, or null.',
};

function environment(page: ManPage): void {
  page.section('Environment and secrets');
  page.para(
    "A program of a task finds in its environment, the weakest first: HOME, USER, LOGNAME, SHELL and PATH of the user; what was captured when the task was handed over; `env` of the configuration; the secrets it gets; TMPDIR; what rasen tells it (see rasen(1)); `env` of its subtask. Nothing of the supervisor's own environment gets in.",
    "TMPDIR is a folder of each attempt's and each gate's own, in the TMPDIR that was captured or else in /tmp. It is removed with what is in it when the attempt has ended.",
  );
  page.sub('What is captured');
  page.para(
    'From the environment of `rasen run` these names are taken, those with an * in so far as they do not look like a secret. They are kept until the task is removed, in a file that only its user can read.',
  );
  page.compact(() => {
    for (const { about, names } of USUAL) page.item(about, names.map(name => `\`${name}\``).join(', '));
  });
  page.endList();
  page.para(
    'Others are captured when they are asked for: `rasen run --env NAME`, `--env NAME=VALUE`, or `pass_env` with names or beginnings such as AWS_*; a lone * is everything. When a command of the task names a variable that is set and not captured, or the key of an agent is, `rasen run` tells it.',
    'A socket such as that of SSH_AUTH_SOCK may be gone after a reboot, where the same path is not made again.',
  );
  page.sub('Credentials');
  page.para(
    'What an agent logs in with is handed to the sessions of that agent alone, whether it was captured or is a secret; not to gates, setup, commands of subtasks, or sessions of another agent. A gate that needs such a key gets it as a secret with `for`. In a task without agents commands get what was captured for them. Of an agent that is started by `agent.command` or by the Agent Client Protocol it is not known what it logs in with: it gets all of these. SSH_AUTH_SOCK is handed to coders and commands, not to planners and judges.',
  );
  page.compact(() => {
    for (const agent of ['claude', 'codex', 'gemini'] as const)
      page.item(
        `\`${agent}\``,
        AGENT_LOGINS.filter(name => logsInWith(agent, name))
          .map(name => `\`${name}\``)
          .join(', '),
      );
  });
  page.endList();
  page.para(
    'That is about variables. Files in the home folder of the user can be read by every program of the task, as by any other program of that user.',
  );
  page.sub('Secrets');
  page.para(
    'A secret is a reference. Its value is looked up whenever a program that gets it starts, so it is there after a reboot without a shell, and a changed one is used. It is handed over in the environment of the program and kept in no file; no argument, unit, view, log or message of rasen has it. What a program prints is its own affair: it is kept as its output.',
  );
  for (const [reference, about] of Object.entries(REFERENCES)) page.item(`\`${reference}\``, about);
  page.endList();
  page.para(
    'A secret goes to those who do the work: sessions of agents, and commands of subtasks; the login of an agent to that agent alone. Gates and setup run what the work or a stranger wrote, and get one only where `for` says so. A secret is as safe as the program that gets it: a command of a subtask may be one that an agent wrote. The words of `for`:',
  );
  page.compact(() => {
    for (const [user, about] of Object.entries(SECRET_USES)) page.item(`\`${user}\``, about);
  });
  page.endList();
  page.para(
    'When one cannot be looked up nothing is started: the task is blocked, with the name and the reference of the secret and what to do. `rasen resume` tries again.',
  );
  page.para(
    `What programs print of these values is masked, as \`[masked: NAME]\`, in logs, notices, the journal, reports, the files of .rasen and the prompts of later sessions: as it is, in base64, hexadecimal and percent encoding, in JSON and the quotes of shells, in pieces; of a value of several lines each line. So are the other values in secrets.env, logins of agents, passwords in addresses and variables whose names say that they are secret. A value of fewer than ${MASKED_CHARS_MIN} characters, or that is a usual word, is not; rasend says so in its log, and \`rasen doctor\` of those in secrets.env. The output of programs is kept as it was printed, readable by its user alone; \`rasen logs --raw\` shows it.`,
  );
  page.code(SECRETS_EXAMPLE);
}

function resources(page: ManPage): void {
  page.section('Notifications');
  page.para(
    'A person is told of a task that is completed, failed or blocked, that waits for a usage limit (once, however often the stated end moves) or for the budget of the next day, that goes on after a restart of the machine, or that has spent most of its budget. Each is told once for a task and a reason; a crash in the very moment of sending repeats one. There are at most '.concat(
      `${MAX_NOTICES_PER_HOUR} an hour for one task. What could not be sent is tried ${MAX_NOTICE_TRIES} times, by the channels that failed and while it is still true: ${NOTICE_RETRY_MS / 60_000} minutes after the first, then after twice as long each time, which is most of a day. \`rasen notify log\` shows what was sent.`,
    ),
    'This holds for every task: those of a project, plain commands (`rasen run --`) and pipelines (`rasen run -f`). For these the configuration is that of the nearest folder of the working tree that has one, else your own; of it they take `notify` and the secrets with `for: [notify]`, which reach no command. What you write once for all projects goes into ~/.config/rasen/config.yml:',
  );
  page.code('notify:\n  desktop: true\n  on: [blocked, failed, completed]');
  page.para(
    'Slack, Discord, Teams, Telegram and ntfy.sh are known by the address of their webhook and get what they show; another server of ntfy needs `webhook_format: ntfy`. An address that lets everybody write there is a secret, and can be named as one:',
  );
  page.code(
    'secrets:\n  BOT: {from: "env:BOT", for: [notify]}\n  SIGN: {from: "env:SIGN", for: [notify]}\nnotify:\n  webhook: https://api.telegram.org/bot${BOT}/sendMessage?chat_id=42\n  # your own service: webhook: https://ops.example.org/rasen, with webhook_secret: SIGN',
  );
  page.para(
    'A webhook gets the headers webhook-id and webhook-timestamp of Standard Webhooks, and with `webhook_secret` webhook-signature. It is asked up to three times within half a minute where it does not answer, or with a status of 408, 429 or 5xx.',
    'The supervisor sends them, with the environment of the task, and no task waits for it. The secrets are for the program of `notify.command`, and for a webhook that names them; where one cannot be looked up the other channels are used all the same. What could not be sent is in the log, in `rasen status` and in `rasen doctor`. `rasen notify test` sends one through the channels that a task started in this folder would use.',
    'The notice is an object of JSON with these fields; a program has it on its standard input, a webhook gets it by POST:',
  );
  for (const [field, about] of Object.entries(NOTICE_FIELDS)) page.item(`\`${field}\``, about);
  page.endList();
  triggers(page);
  page.section('Resources');
  page.para(
    'The limits `memory`, `cpu`, `tasks` and `runtime` are kept by the system itself: each attempt and each gate is a unit of the service manager of its user, with its control group. That is the cage `unit`, which needs systemd with a user manager. `rasen doctor` tells which cage is in use and why. In process groups (cage `group`) only `runtime` has an effect, while the supervisor runs, and `rasen run` says so.',
    'They are per attempt, all its processes together. A subtask may have its own, more or less than those of the task; gates have those of the task. A planner cannot set them.',
  );
}

const TRIGGERS_EXAMPLE = `triggers:
  nightly:
    cron: "0 2 * * 1-5"
    tz: Europe/Berlin
    expect_within: 3d
    task: {file: nightly.yml}
  checks:
    every: 5m
    task: {run: [./check.sh]}
  tests:
    watch: ["src/**", "*.json"]
    outputs: ["src/generated/**"]
    task: {run: [npm, test]}
  tidy:
    cron: "0 4 * * 0"
    task: {goal: "Update the dependencies and make the tests pass."}`;

const TRIGGER_KEYS: Readonly<Record<string, string>> = {
  overlap:
    'What a slot does while a run goes on: `skip` (default), `queue` (default of watch and webhook; at most 100 wait, one of a watch), `replace` (the run is cancelled), `parallel`.',
  catch_up:
    'Slots that were passed over (no supervisor ran, the machine slept): `one` run for all of them (default), `none`, or `all`, one after the other.',
  max_late: 'A slot that is later than this is not run any more. Default: 24h.',
  jitter: 'Each slot starts later by up to this; always the same for the same slot.',
  tz: 'Time zone of `at`, `until` and `cron`. Default: that of the shell that applies it, written down then.',
  until: 'No slot after this date and time.',
  max_runs: 'The trigger is finished after so many runs.',
  pause_after: 'It pauses, and a person is told, after so many failures in a row. null: never. Default: 5.',
  keep: 'Finished runs that are kept; work that was never merged is kept besides. Default: 20.',
  notify:
    'Which ends of runs are told: `always`, `failure`, or `on_change` (default): when it turns red, and when it is green again. Whatever needs a person is told all the same.',
  expect_within:
    'An alarm when no run has succeeded for so long, also when nobody was there to notice: it comes at the next start.',
  'ignore, outputs, debounce':
    'Of a watch: files that do not count, files that runs write, and the quiet time after the last change (default: 0.5s).',
};

function triggers(page: ManPage): void {
  page.section('Triggers');
  page.para(
    'A trigger starts work by itself. It belongs to the supervisor and is as durable as a task. `rasen run` makes one of a command (`--at`, `--every`, `--cron`, `--watch`); `rasen trigger apply` takes over those under `triggers`. The file alone starts nothing: what is changed in it counts when it is applied again.',
  );
  page.code(TRIGGERS_EXAMPLE);
  page.para(
    'Each trigger has one time and one task. Times: `at` (a date and time), `every` (an interval, the first slot when it is applied), `cron`, `watch` (patterns of files), `webhook: true` (the request `trigger.deliver`, see rasen-protocol(7)). Tasks: `run` (a command), `file` (a file of subtasks), `goal` (work for an agent, with the rest of this file). The task is taken by value.',
    'Each moment at which a trigger is due is a slot. Each slot gets exactly one receipt, whatever crashes, restarts, sleep or changes of the clock come in between: `started`; `late`, with how much; `joined`, where the run of another slot is its own, too; `skipped`; `missed`; `refused`, where the task could not be submitted. `rasen trigger log` shows them. A slot starts at most one task.',
  );
  for (const [key, about] of Object.entries(TRIGGER_KEYS)) page.item(`\`${key}\``, about);
  page.endList();
  page.para(
    'No run begins in quiet hours or while a usage limit of its agent is known, and none while a disk is full: the slot waits for the end of that, and is `late`.',
    'With cron, a fixed time that a change to summer time leaves out is due right after the gap, and one that comes twice is due once. What has a `*` or a step follows the clock on the wall. A clock that is set ahead, and a machine that slept, make slots late; a clock that is set back makes no slot due twice. A time that was given as a duration (`--at 90m`) moves along with a clock that is set; a time of day stays that time of day. An interval goes on after a clock that was ahead is put right.',
    'A `watch` waits until nothing was changed for `debounce`, so that the last change always has a run; what was changed while watcher or supervisor were down is found at the next start. A pattern with a slash has to match the path, one without the base name. `.git`, `.rasen`, `.worktrees` and what .gitignore names never count. Changes during a run are one more run at its end. A trigger pauses itself when three runs in a row were each started by a file that was changed during the run before: name what runs write in `outputs`. Where the system has no room for more watches, the files are looked through once a second; `rasen doctor` says so.',
    'A run finds RASEN_TRIGGER (the name of the trigger) and RASEN_TRIGGER_SLOT in its environment; after a change or a delivery also RASEN_TRIGGER_FILE, a file of JSON: `{"changed": [...], "count": N}`, or what was delivered.',
  );
}

function budgets(page: ManPage): void {
  page.section('Budgets');
  page.para(
    'What sessions use is counted by the supervisor: of work and of judges, from what their programs say while they go on and when they end. Tokens are input and output, as the status shows them; input that came from a cache counts. A claude session says its tokens while it goes on and its cost with each result; it is also told what is left (`--max-budget-usd`). opencode says both with each answer of the model, codex its tokens (`codex exec`: at its own end), gemini its tokens at its own end: a session that is stopped before that counts none (as with `codex exec`); a program behind acp says what it says, and any other command what it writes into its result file.',
    'A session that uses up a limit is ended: the outcome is `budget`. The gates judge what it left, and what passes is done. Else the task is `blocked (budget)`, with the number and the key. No session begins when a limit is used up; commands do. More is never used than was left when the last session began, and what that one used until it was heard and ended.',
    '`rasen resume` of a task that is blocked for its budget allows as much again of each limit that is used up, and of no other. A stop and a resume give nothing back. The limit of a day is of all tasks of this rasen together, each task held to the one in its own configuration: the task is `waiting (budget)` until midnight by the clock of the machine, and goes on by itself. A session counts on the day on which it ends. At four fifths of a limit of the task or the day a warning is logged, once.',
    'A subtask in a plan may have its own: `limits: {tokens: 2M, usd: 5}`; they stand for `subtask_tokens` and `subtask_usd`. A planner cannot set them.',
  );
  page.section('Silence');
  page.para(
    'A session is silent that prints nothing and does not use the processor (which is seen on Linux only). Where its program tells of tools (all but command), `orchestrator.tool_idle_timeout_seconds` holds while one runs, `orchestrator.idle_timeout_seconds` else. One that has said that it is through is ended after 30 seconds of silence, and what it said counts; a judge, too.',
    "At `orchestrator.session_timeout_seconds` a session is ended, unless a tool gave a new answer within the last five minutes: then as soon as that is no longer so, and at half of that time more at the latest. At four fifths of that time a coder's session that can be spoken with (claude, codex, acp) is told to commit and come to an end. In git, one that makes the same call with the same answer eight times within twenty, and changes nothing in the worktree meanwhile, is ended as `stalled`, and the next one is told which call it was.",
  );
}

function planFiles(page: ManPage): void {
  page.section('Plan files');
  page.para(
    'A plan file is given to `rasen init --plan`, `rasen plan import` and `rasen run -f`. It is YAML or JSON in the form below, JSON lines (a subtask of that form in each line, or the words of a command alone; without an `id` it is called by the number of its line), Markdown, or what another program wrote. A plan adds gates and never takes one away. Ids are known and needs go in no circle. It has at most 1,000 subtasks, or 10,000 commands where none needs another.',
    'An entry of `files` or `tests` is a path below the project, or a glob that begins with the name of a folder (`test/*.test.ts`). Anything else is an error with its line, since it could permit more than its writer thought of.',
    '`rasen run -f` takes files in which every subtask is a command. A planner writes the same form, with `subtasks` only and without a shell.',
  );
  page.sub('The file');
  rows(page, PLAN_ROWS);
  page.sub('A subtask');
  rows(page, SUBTASK_ROWS);
  page.sub('Markdown');
  page.para(
    'In a file named `*.md` or `*.markdown` the tasks are the first of these that the file has: headings such as `### Task 2: title` (also `Step`, `Story`, `Issue`), at any level; items with a checkbox, `- [ ] title`; headings that count, `## Phase 1` or `## 2. Setup`, or the numbered items below those of phases; the rows of a table with a column for the task and one for its state, number or files; numbered items; plain items, in a file of nothing else or below a heading that speaks of tasks, steps or a plan. Each task needs the one before it.',
    'Below a task stand its text, checkboxes, which are its acceptance criteria, and lists of paths: a label `Files:` or `Tests:`, bold or not, with paths behind it, or in the list below it, one for each item (`- Create: `src/a.ts``). Boxes below a heading such as `Success criteria` are criteria of the task before them, or of the phase. Boxes that belong to no task become one. What is below `Out of scope` is left out. Todos in YAML at the top of the file are the tasks, where there are any.',
    'A ticked box, or a heading that ends in a tick or `(done)`, is a claim: nothing counts as done before its gates passed. A file is read up to 30,000 lines and 12 levels.',
  );
  page.code(MARKDOWN_EXAMPLE);
  page.sub('Plans of other programs');
  page.para(
    'These are known by their keys. A status in them is a claim, too. Fields that are not known go into the description; what is left out is told when the file is read. Their checks are run where they are plain commands, never with a shell.',
  );
  page.item('RASEN', '`implementation_plan.json` and `state.json`; known by `task_name`.');
  page.item(
    'Auto-Claude',
    '`implementation_plan.json` with `phases` of `subtasks`. `depends_on` and `parallel_safe` of phases count; a `verification` that is a plain command is a gate of its subtask.',
  );
  page.item(
    'ralph',
    '`prd.json` with `userStories`, or a bare list of items with `passes`; done in the order of `priority`. Lists of todos with `content` and `status`, too.',
  );
  page.item(
    'Taskmaster',
    '`tasks.json`, plain or with tags (`master`, else the first). A task with subtasks is done by these; what is cancelled or deferred is left out.',
  );
  page.endList();
}

function prompts(page: ManPage): void {
  page.section('Prompts');
  page.para(
    'The prompt of a role is the file that `agents.ROLE.prompt` names, else `.rasen/prompts/ROLE.md`, else a built-in text. The roles are `initializer` (the planner), `coder`, `reviewer` and `qa`. A word in braces is replaced; `{{` is a brace. A placeholder that is not known is an error when the task is handed over.',
  );
  for (const [name, about] of Object.entries(PLACEHOLDERS)) page.item(`\`{${name}}\``, about);
  page.endList();
}

export const CONFIG_EXAMPLE = `backend: claude
setup: [npm, ci]
gates:
  - [npm, test]
  - {run: [npm, run, lint], name: lint, timeout: 5m}
orchestrator:
  max_runtime_seconds: 8h
  session_timeout_seconds: 45m
review: {enabled: true}`;

export const SECRETS_EXAMPLE = `env: {NODE_ENV: test}
pass_env: [DEPLOY_STAGE, "MY_APP_*"]
secrets:
  ANTHROPIC_API_KEY: env:ANTHROPIC_API_KEY
  GITHUB_TOKEN: [gh, auth, token]
  NPM_TOKEN: {from: file:~/.config/npm-token, for: [setup, gates]}
  DEPLOY_TOKEN: {from: env:DEPLOY_TOKEN, for: [coder]}`;

export const PLAN_EXAMPLE = `goal: Password reset
subtasks:
  - id: token
    title: Reset tokens
    description: Tokens that expire after one hour.
    agent: coder
    acceptance: [a token expires after one hour]
    gates:
      - [npm, test, --, test/token.test.ts]
  - id: mail
    description: The mail with the link.
    needs: [token]
  - id: smoke
    run: [npm, run, smoke]
    needs: [mail]
    timeout: 10m`;

export const MARKDOWN_EXAMPLE = `### Task 1: Reset tokens
Tokens are stored hashed.
- [ ] a token expires after one hour
Tests: test/token.test.ts

### Task 2: Reset mail
- [ ] the mail has a link`;

export const PIPELINE_EXAMPLE = `name: nightly
parallel: 3
subtasks:
  lint: [npm, run, lint]
  unit: [npm, test]
  docs: {run: [npm, run, docs], on_fail: continue}
  build: {run: [npm, run, build], needs: [lint, unit]}`;

function examples(page: ManPage): void {
  page.section('Examples');
  page.para('A configuration:');
  page.code(CONFIG_EXAMPLE);
  page.para('A plan for `rasen init --plan`:');
  page.code(PLAN_EXAMPLE);
  page.para('A pipeline for `rasen run -f`, which stops at the first failure:');
  page.code(PIPELINE_EXAMPLE);
}
