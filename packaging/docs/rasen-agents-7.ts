/** rasen-agents(7): what rasen knows of each agent, how a session begins, goes on and ends. */
import { testedOf } from '../../src/agents/tested.ts';
import { AGENT_PROGRAMS } from '../../src/contract/backends.ts';
import { ManPage } from './man-page.ts';

const AGENTS: Readonly<Record<string, readonly string[]>> = {
  claude: [
    'Runs `claude -p` and talks to it in a stream of JSON. A version that cannot do that gets its prompt and nothing more. Permission questions are answered by configuration; nobody is asked.',
    'Understood: usage limits with the time they end, overload, network, login, context, budget, refused tools, tokens and cost.',
  ],
  codex: [
    "Runs `codex app-server` and talks to it; `codex exec --json` where a version has no server. codex works in its own sandbox, which may write the git directory of the workspace; inside of rasen's sandbox it does so only where one can be made in the other.",
    'Understood: the same, by error class, and tokens call by call. The end of a limit is exact to the second (to the minute with `exec`).',
  ],
  gemini: [
    'Runs `gemini` with a stream of JSON, all tools allowed.',
    'Understood: the same, from its result, errors and exit codes, and tokens. gemini does not state when a limit ends. It reports usage to its maker unless its settings say `privacy.usageStatisticsEnabled: false`.',
  ],
  opencode: [
    'Runs `opencode run --format json`. Everything is allowed that its own configuration does not deny.',
    'Understood: login, overload, network and context, and the tokens and cost of each call. opencode sleeps through usage limits without a word; only the limits on silence end that.',
  ],
  acp: [
    'Runs any program that speaks the Agent Client Protocol, for example `agent: {backend: acp, command: [opencode, acp]}` or `[gemini, --acp]`. Permission questions are answered at once. The protocol has no word for most errors: those of gemini are known by their status and words, and `opencode export` is asked how a turn of OpenCode failed and what the session used. No title is made for sessions of OpenCode; `OPENCODE_CONFIG_CONTENT` of your own takes the place of that.',
    'Understood, coarsely: login, limits without their end, refused tools. Tokens arrive, and notes are passed on, when a turn is over.',
  ],
  command: [
    'Runs `agent: [program, argument]` with the prompt on standard input. rasen knows what the program writes into the result file, and nothing else.',
  ],
};

export function rasenAgents7(version: string): string {
  const page = new ManPage({
    name: 'rasen-agents',
    section: 7,
    version,
    about: 'coding agents under rasen',
  });
  page.section('Description');
  page.para(
    '`backend` in rasen.yml(5) names the agent of a project, and `agent` its command. A role may have an agent of its own, `review: {agent: {backend: gemini}}`, and a model of its own, `models: {coder: ..., reviewer: ...}`.',
    'Agents use the login of the user who submits the task. A key that is in a variable reaches the sessions of its agent and no gate, command or other agent; name other variables in `pass_env` or `secrets`. `rasen doctor` shows which agents are installed, whether each can log in from your shell and from inside the service, and what to type if not. It starts each once, without a request, and tells whether its version is one of those that rasen is tested with. `rasen init` chooses the agent when only one is installed.',
  );
  page.section('Backends');
  for (const [name, texts] of Object.entries(AGENTS)) page.item(`\`${name}\``, ...texts);
  page.endList();
  const tested = AGENT_PROGRAMS.map(name => `${name} ${testedOf(name).oldest} to ${testedOf(name).newest}`);
  page.para(
    `Tested versions: ${tested.join(', ')}. Older and newer ones are used as well: options are taken from what the installed program offers, and events that are not known are logged once.`,
  );
  page.para(
    'Limits and errors are read from what an agent reports of itself. Tool output and file contents never affect error detection.',
  );
  page.section('Sessions');
  page.para(
    'Each attempt begins a new session, whose prompt has the subtask, what was tried before, what the gates said and what was learned.',
    'An attempt that was interrupted (by a usage limit, an overload, the network, a login or a stop) is resumed once in its own session and workspace, if the agent still has the session and it is less than a day old. claude, codex, opencode and acp can do that, gemini cannot. Otherwise a new session starts from the same files. Neither costs an attempt.',
    'At 80 percent of `session_timeout_seconds` a coder that can be talked to is asked to finish.',
    'A running task can be steered:',
  );
  page.code(
    '# A session that can be talked to hears it now; any other finds it in its next prompt.\nrasen note "use the library that is there"\n# Answer the question of a blocked task, which then goes on.\nrasen answer "PostgreSQL 17"',
  );
  page.section('Sandbox');
  page.para(
    'Agents work in a sandbox where the machine can make one: they write their workspace and the caches of package managers, and see neither keys nor your checkout nor rasen. See rasen.yml(5), SANDBOX. `sandbox: require` starts no agent without it, `sandbox: off` does without.',
  );
  page.section('What an agent leaves');
  page.para(
    'The agent may write its result to the file that RASEN_RESULT_FILE names; see rasen(1), RESULT FILE. Changes that it did not commit are committed as `wip: ...`. Every attempt is kept under `refs/rasen/TASK/attempt/`, every accepted one under `refs/rasen/TASK/good/`.',
    'The gates then decide: `clean` (something changed, and it is committed), `diff` (no protected path was changed, no test was deleted, skipped, emptied or loosened, no test script was made to succeed, there is no secret and no link that leads out of the tree), and your commands. When all subtasks are done, every gate runs once more in a fresh checkout of the final commit. With `base_tests: true` they also run with the tests from before the task; if those fail, a person decides.',
    'Where the agent touched what the commands go by, they run a second time with the configuration from before the task (`base_config`): a command that passes only with the new one blocks the task, and names the files; `rasen resume` accepts them. At the end the commands run once without the change to the source (`mutation_check`): if none of them fails then, no gate sees the change, and `rasen status` says so beside `Verified`. A command that failed before the task and passes by changes to tests and configuration alone verifies nothing.',
    'A reviewer and QA work in a checkout that they cannot write. A missing verdict counts as a rejection, and so does one from a judge that changed the work; the change is undone. A judge that meets a limit or a missing login is asked again later, alone: the work is kept.',
  );
  page.section('Setup');
  page.para(
    '`setup` in rasen.yml prepares a checkout, for example with `npm ci`. It runs in the workspace of a task before anything else, and again there when work has changed a lock file, a manifest, or a file that the command names. It also runs in every other checkout in which gates run: for the final check, for review and QA, and for the result of a merge.',
    '`setup_cache: [node_modules]` names everything that `setup` makes. With the same lock files, the same `setup` and the same versions of tools, a checkout gets copies of that instead of running `setup`. They are copies, which share disk blocks where the file system can, and never links, so nothing that is written to one checkout reaches another. The cache keeps four entries for each repository.',
    'If `setup` fails before any work, the task is blocked. If it fails after work that changed what it reads, the next attempt has to mend that. If it fails only in a fresh checkout, the task is blocked: it depends on something that is not in the repository.',
  );
  page.section('Packages');
  page.para(
    'A rasen.yml in a package of a repository, such as pkgs/web/rasen.yml, makes that package the project. The agent, `setup` and the gates work there, `.rasen/` is there, and paths in plans and in `protected` are relative to it. `protected` also holds for a plain path at the top of the repository.',
  );
  page.section('Merging');
  page.para(
    '`rasen merge` moves a branch together with the checkout that has it. Changes that you have not committed stay as they are; if the merge would overwrite one, it is refused and the files are named. Each gate is named as it begins. Ctrl-C or `rasen merge --cancel` cancels the merge before the branch moves.',
    'If the project was renamed or moved, the commands that continue its task say where it was and how to move it back.',
  );
  page.section('See also');
  page.para('rasen(1), rasen.yml(5), rasen-overnight(7), rasend(8)');
  return page.toString();
}
