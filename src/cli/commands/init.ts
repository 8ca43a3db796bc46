/** `rasen init`: make a task of this project. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isRasenError, RasenError } from '../../errors.ts';
import { defineCommand, FORMAT } from '../command.ts';
import type { Context } from '../context.ts';
import { usage } from '../errors.ts';
import { excludeLocally, topLevel } from '../git-place.ts';
import { AGENT_PROGRAMS, agentText, installedAgents } from '../installed-agents.ts';
import { goalOf, makeTask, unfinishedTask } from '../make-task.ts';
import { oneLine } from '../output.ts';
import { findProject, type Project } from '../project.ts';
import { lastStatus } from '../status-file.ts';

export const init = defineCommand<{ task?: string; plan?: string }>({
  name: 'init',
  summary: 'Make a task of this project: a text, and perhaps a plan',
  details: [
    'It writes .rasen/ (task text, plan, configuration, prompts) into this folder, or into the top of its git working tree, and keeps it out of git. Nothing is started and no supervisor is needed.',
    'Without --plan the first attempt of the run is the planner’s.',
  ],
  options: [
    { flags: '-t, --task <text>', about: 'what is to be done: a text, or a file with the text' },
    { flags: '--plan <file>', about: 'subtasks, in YAML, JSON or Markdown' },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen init --task "Implement password reset"', about: 'the planner makes the plan' },
    { command: 'rasen init --task TASK.md --plan plan.yml', about: 'text and plan from files' },
  ],
  async run({ options }, context) {
    if (options.task === undefined)
      throw usage('There is no task text.', 'rasen init --task "what is to be done"');
    const { out } = context;
    const root = await rootOf(context.cwd);
    const goal = goalOf(context, options.task);
    const old = existsSync(join(root, '.rasen', 'task.json')) ? findProject(root) : null;
    if (old) await refuseUnfinished(context, old);
    if (old) await noteUnmerged(context, old);
    const project = await makeTask(context, { root, goal, plan: options.plan, status: 'initialized' });
    await excludeLocally(root);
    await noteAgents(context, root);
    out.reply({ id: project.task.id, status: 'initialized', project: root }, () =>
      [
        `Initialized task ${project.task.id}: ${oneLine(goal, 100)}`,
        'Start it with: rasen run --background',
      ].join('\n'),
    );
  },
});

/** A task for an agent needs one: who has none configured is told which there are. */
async function noteAgents({ loadConfigBundle, env, out }: Context, root: string): Promise<void> {
  const bundle = await loadConfigBundle();
  let written: ReadonlyMap<string, unknown>;
  try {
    ({ written } = bundle.loadConfig({ project: root, env }));
  } catch {
    return; // `rasen run` says what is wrong with it.
  }
  if ([...written.keys()].some(key => /^agents?\..*(?:backend|command)$/.test(key))) return;
  const found = await installedAgents(env);
  const which =
    found.length === 0
      ? `none of ${AGENT_PROGRAMS.join(', ')} is on PATH`
      : `here are ${found.map(agentText).join(', ')}`;
  const name = found[0]?.name ?? 'claude';
  out.note(
    `no agent is configured (${which}). Name one in rasen.yml or .rasen/config.yaml: backend: ${name}`,
  );
}

/** The folder itself when it has a configuration of its own, else the top of the working tree. */
async function rootOf(cwd: string): Promise<string> {
  if (existsSync(join(cwd, 'rasen.yml')) || existsSync(join(cwd, '.rasen'))) return cwd;
  return (await topLevel(cwd)) ?? cwd;
}

/** RASEN worked in the checkout itself, so that a second phase found the first; here it does only after a merge. */
async function noteUnmerged({ link, out }: Context, { task }: Project): Promise<void> {
  if (task.submitted_at === null || !(await link.reachable())) return;
  const last = await link.call('task.get', { task: task.id }).catch(() => null);
  if (last?.status !== 'completed' || last.commit === null || last.merged) return;
  out.note(
    `the commits of the task before are not merged; this one starts without them. Take them over first: rasen merge ${task.id}`,
  );
}

async function refuseUnfinished(context: Context, project: Project): Promise<void> {
  const { id, submitted_at } = project.task;
  if (submitted_at === null && !(await context.link.reachable())) return;
  let status: string | undefined;
  try {
    status = (await unfinishedTask(context, project))?.status;
  } catch (error) {
    if (!isRasenError(error) || error.kind !== 'unreachable') throw error;
    const last = lastStatus(project)?.last_status ?? 'unknown';
    if (['completed', 'failed', 'cancelled'].includes(last)) return;
    status = last;
  }
  if (status === undefined) return;
  throw new RasenError('task_state', `This project has an unfinished task, ${id} (${status}).`, {
    hint: 'End it with `rasen stop` and `rasen cancel`, or put a new one in its place with `rasen reinit --force`.',
    data: { id, status },
  });
}
