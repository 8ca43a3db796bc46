/** `rasen init`: make a task of this project. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { agentText, installedAgents } from '../../agents/installed.ts';
import { PROGRAMS } from '../../agents/programs.ts';
import { AGENT_PROGRAMS } from '../../contract/backends.ts';
import { RasenError } from '../../contract/errors.ts';
import { shellWord } from '../../engine/shell-word.ts';
import { configFolder } from '../../submit/config-folder.ts';
import { ulid } from '../../util/ulid.ts';
import { defineCommand, FORMAT } from '../command.ts';
import type { Context } from '../context.ts';
import { usage } from '../errors.ts';
import { excludeLocally } from '../git-place.ts';
import { goalOf, makeTask, unfinishedTask } from '../make-task.ts';
import { oneLine } from '../output.ts';
import { findProject, type Project } from '../project.ts';

interface Options {
  task?: string;
  plan?: string;
  repo?: string;
}

export const init = defineCommand<Options>({
  name: 'init',
  summary: 'Make a task of this project: a text, and perhaps a plan',
  details: [
    'It writes .rasen/ (task text, plan, configuration, prompts) into the nearest folder that has a rasen.yml, or else into the top of the git working tree, and keeps it out of git. A rasen.yml in a package of a repository makes that package the project: agent, setup and gates work there, and paths in plans are relative to it. Nothing is started and no supervisor is needed.',
    'With --repo the project is a checkout of its own of that repository, in the state folder: a mirror is kept, fetched once for all tasks, and no checkout of yours is touched. git logs in as it does for you: credential helpers, ssh.',
    'Without --plan the first attempt of the run is the planner’s.',
    'Where no agent is configured and only one of those that rasen knows is on PATH, it is written into .rasen/config.yaml.',
  ],
  options: [
    { flags: '-t, --task <text>', about: 'what is to be done: a text, or a file with the text' },
    { flags: '--plan <file>', about: 'subtasks, in YAML, JSON or Markdown, or a plan of another program' },
    {
      flags: '--repo <url>',
      about: 'in a checkout of this repository: https, ssh, git@host:path, file, or owner/name of GitHub',
    },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen init --task "Implement password reset"', about: 'the planner makes the plan' },
    { command: 'rasen init --task TASK.md --plan plan.yml', about: 'text and plan from files' },
    { command: 'rasen init --repo owner/name --task "Fix the build"', about: 'no clone is needed' },
  ],
  async run({ options }, context) {
    if (options.task === undefined)
      throw usage('There is no task text.', 'rasen init --task "what is to be done"');
    const goal = goalOf(context, options.task);
    const { repo, plan } = options;
    if (repo !== undefined) return await initElsewhere(context, { repo, goal, plan });
    const root = configFolder(context.cwd);
    const old = existsSync(join(root, '.rasen', 'task.json')) ? findProject(root) : null;
    if (old) await refuseUnfinished(context, old);
    if (old) await noteUnmerged(context, old);
    tell(context, await make(context, { root, goal, plan }), goal, 'rasen run --background');
  },
});

interface Wanted {
  root: string;
  goal: string;
  plan: string | undefined;
  id?: string;
}

async function make(context: Context, wanted: Wanted): Promise<Project> {
  const { backend, note } = await chooseAgent(context, wanted.root);
  const project = await makeTask(context, { ...wanted, backend, status: 'initialized' });
  await excludeLocally(wanted.root);
  if (note !== null) context.out.note(note);
  return project;
}

/** In a checkout of its own. Where no task comes of it, nothing of it is left. */
async function initElsewhere(
  context: Context,
  { repo, goal, plan }: Pick<Wanted, 'goal' | 'plan'> & { repo: string },
): Promise<void> {
  const bundle = await context.loadGatewayBundle();
  const repositories = new bundle.Repositories(bundle.gatewayPaths(context.paths.home));
  const id = ulid();
  const folder = await repositories.checkout(bundle.parseRepository(repo), id, undefined);
  try {
    const project = await make(context, { root: configFolder(folder), goal, plan, id });
    tell(context, project, goal, `cd ${shellWord(project.root)} && rasen run --background`);
  } catch (error) {
    repositories.forget(id);
    throw error;
  }
}

function tell({ out }: Context, { root, task }: Project, goal: string, start: string): void {
  out.reply({ id: task.id, status: 'initialized', project: root }, () =>
    [`Initialized task ${task.id}: ${oneLine(goal, 100)}`, `Start it with: ${start}`].join('\n'),
  );
}

interface Choice {
  backend: string | null;
  note: string | null;
}
const NO_CHOICE: Choice = { backend: null, note: null };

/**
 * A task for an agent needs one. Where none is configured and only one is there, it is chosen, and written where the
 * user can change it; else it is told which there are.
 */
async function chooseAgent({ loadConfigBundle, env }: Context, root: string): Promise<Choice> {
  const bundle = await loadConfigBundle();
  try {
    const { settings } = bundle.loadConfig({ project: root, env });
    if (bundle.agentsOf(settings).length > 0) return NO_CHOICE;
  } catch {
    return NO_CHOICE; // `rasen run` says what is wrong with it.
  }
  const found = await installedAgents(env);
  const [only, ...more] = found;
  const writes = !existsSync(join(root, '.rasen', 'config.yaml'));
  if (only && more.length === 0 && writes) {
    const login = only.login.state === 'out' ? `; it is not logged in yet: ${only.login.fix}` : '';
    const note = `${agentText(only)} does the work (backend: ${only.name} in .rasen/config.yaml)${login}`;
    return { backend: only.name, note };
  }
  const which =
    found.length === 0
      ? `none of ${AGENT_PROGRAMS.join(', ')} is on PATH`
      : `here are ${found.map(agentText).join(', ')}`;
  const name = (found.find(({ login }) => login.state === 'in') ?? only)?.name ?? AGENT_PROGRAMS[0];
  const acp = found.flatMap(agent => PROGRAMS[agent.name].over_acp ?? []).at(0);
  const over = acp ? `; over ACP: agent: {backend: acp, command: [${acp.replace(' ', ', ')}]}` : '';
  const note = `no agent is configured (${which}). Name one in rasen.yml or .rasen/config.yaml: backend: ${name}${over}`;
  return { backend: null, note };
}

/** RASEN worked in the checkout itself, so that a second phase found the first; here it does only after a merge. */
async function noteUnmerged({ link, out }: Context, { task }: Project): Promise<void> {
  if (task.submitted_at === null) return;
  const last = await link.call('task.get', { task: task.id }).catch(() => null);
  if (last?.status !== 'completed' || last.commit === null || last.merged) return;
  out.note(
    `the commits of the task before are not merged; this one starts without them. Take them over first: rasen merge ${task.id}`,
  );
}

async function refuseUnfinished(context: Context, project: Project): Promise<void> {
  const { id, submitted_at } = project.task;
  if (submitted_at === null && !(await context.link.reachable())) return;
  const status = (await unfinishedTask(context, project))?.status;
  if (status === undefined) return;
  throw new RasenError('task_state', `This project has an unfinished task, ${id} (${status}).`, {
    hint: `End it with: rasen cancel ${id}\n  Or put a new one in its place: rasen reinit --force`,
    data: { id, status },
  });
}
