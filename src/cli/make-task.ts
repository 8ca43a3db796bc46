/** Writes the files of a new task into a project: for `rasen init`, and for `rasen reinit` with another id. */
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isRasenError, messageOf, RasenError } from '../contract/errors.ts';
import type { Plan, TaskView } from '../index.ts';
import { ulid } from '../util/ulid.ts';
import type { ConfigBundle, Context } from './context.ts';
import { usage } from './errors.ts';
import { inProject, type Project, saveTaskFile, writeWhole } from './project.ts';
import { writeFirstStatus } from './status-file.ts';

/** Longest task text that a spec can hold. */
const MAX_GOAL_BYTES = 1024 * 1024;

export interface NewTask {
  root: string;
  /** Default: a new one. */
  id?: string | undefined;
  /** The task text. */
  goal: string;
  /** A plan file; without one the first attempt is the planner's. */
  plan?: string | undefined;
  base?: string | null;
  /** Agent for a configuration that is written now. */
  backend?: string | null;
  status: 'initialized' | 'reinitialized';
}

/** Throws RasenError `config` when the plan is wrong; then nothing was written. */
export async function makeTask(context: Context, task: NewTask): Promise<Project> {
  const bundle = await context.loadConfigBundle();
  const { root, goal, status } = task;
  const id = task.id ?? ulid();
  const plan = task.plan === undefined ? null : readPlan(bundle, context, task.plan, id, goal);
  const project: Project = {
    root,
    task: {
      version: 1,
      id,
      created_at: new Date().toISOString(),
      plan_file: task.plan ?? null,
      base: task.base ?? null,
      status,
      submitted_at: null,
      views: null,
    },
  };
  writeWhole(root, '.rasen/task.txt', goal.endsWith('\n') ? goal : `${goal}\n`);
  if (plan) savePlan(root, plan);
  else rmSync(inProject(root, 'plan.json'), { force: true });
  if (!existsSync(inProject(root, 'config.yaml')))
    writeWhole(root, '.rasen/config.yaml', firstConfig(bundle, root, task.backend ?? null, context.env));
  for (const [role, text] of Object.entries(bundle.DEFAULT_PROMPTS)) {
    const path = `.rasen/prompts/${role}.md`;
    if (!existsSync(join(root, path))) writeWhole(root, path, text);
  }
  writeFirstStatus(project);
  // Last: with this file the task is there.
  saveTaskFile(project);
  return project;
}

/** Waiting for usage limits is switched on in a file that the user sees, and is not decided for a rasen.yml that says it. */
function firstConfig(
  bundle: ConfigBundle,
  root: string,
  backend: string | null,
  env: NodeJS.ProcessEnv,
): string {
  let wait = true;
  try {
    wait = !bundle.loadConfig({ project: root, env }).written.has('limits.wait');
  } catch {
    // `rasen run` says what is wrong with rasen.yml.
  }
  return bundle.defaultConfigYaml(bundle.projectFacts(root, backend, wait));
}

/** A plan in the form in which it can be read again, with what its file says for the whole task. */
type SavedPlan = Plan & Record<string, unknown>;

function readPlan(bundle: ConfigBundle, context: Context, file: string, id: string, goal: string): SavedPlan {
  const path = resolve(context.cwd, file);
  const text = readNamed(file, () => bundle.readPlanText(path));
  const loaded = bundle.readPlanFile(file, text, { task: id, goal, origin: 'file' });
  tellNotTaken(context, file, loaded.notes);
  return savedPlan(bundle, loaded);
}

/** What of a plan file is not in the plan. */
export function tellNotTaken({ out }: Context, file: string, notes: readonly string[]): void {
  for (const note of notes) out.note(`${file}: ${note}`);
}

function readNamed(file: string, read: () => string): string {
  try {
    return read();
  } catch (error) {
    if (isRasenError(error)) throw error;
    throw new RasenError('config', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

export function savedPlan(
  bundle: ConfigBundle,
  { plan, defaults }: ReturnType<ConfigBundle['readPlanFile']>,
): SavedPlan {
  const { name, parallel, gates, base, pass_env } = defaults;
  const secrets = Object.entries(defaults.secrets).map(([key, secret]) => [
    key,
    bundle.writtenSecret(secret),
  ]);
  return {
    ...plan,
    ...(name === null ? {} : { name }),
    ...(parallel === null ? {} : { parallel }),
    ...(gates.length === 0 ? {} : { gates }),
    ...(base === null ? {} : { base }),
    ...(pass_env.length === 0 ? {} : { pass_env }),
    ...(secrets.length === 0 ? {} : { secrets: Object.fromEntries(secrets) }),
  };
}

export function savePlan(root: string, plan: SavedPlan): void {
  writeWhole(root, '.rasen/plan.json', `${JSON.stringify(plan, null, 2)}\n`);
}

/** The task text of `--task`: a text, or the name of a file that has it. */
export function goalOf({ cwd }: Context, given: string): string {
  const file = resolve(cwd, given);
  const is_file =
    given.length < 4096 && !given.includes('\n') && statSync(file, { throwIfNoEntry: false })?.isFile();
  const text = is_file ? readFileSync(file, 'utf8') : given;
  if (text.trim() === '') throw usage('The task text is empty.');
  if (Buffer.byteLength(text) > MAX_GOAL_BYTES)
    throw usage(`The task text is longer than ${MAX_GOAL_BYTES} bytes.`);
  return text;
}

const OVER = new Set(['completed', 'failed', 'cancelled']);

/** The project's task as the supervisor knows it; null when it was not run, or is over. Throws when nobody can tell. */
export async function unfinishedTask({ link }: Context, project: Project): Promise<TaskView | null> {
  if (project.task.submitted_at === null && !(await link.reachable())) return null;
  try {
    const view = await link.call('task.get', { task: project.task.id });
    return OVER.has(view.status) ? null : view;
  } catch (error) {
    if (isRasenError(error) && error.kind === 'task_unknown') return null;
    throw error;
  }
}
