/** `rasen run` in a project: submits the task that `rasen init` made, or goes on with it. */
import { existsSync } from 'node:fs';
import { isRasenError, RasenError } from '../contract/errors.ts';
import { inFolder, nextCommand } from '../engine/next-command.ts';
import type { TaskView } from '../index.ts';
import { askedEnv } from '../submit/asked-env.ts';
import type { Order } from '../submit/order.ts';
import { ulid } from '../util/ulid.ts';
import type { Context } from './context.ts';
import { usage } from './errors.ts';
import { inForeground } from './foreground.ts';
import { refuseMoved } from './moved-project.ts';
import { DEFAULT_VIEWS, inProject, needProject, type Project, readBelow, saveTaskFile } from './project.ts';
import { resumeTask } from './resume-task.ts';
import { orderHere, submit } from './submit.ts';
import { type TurnOptions, turnOf } from './turn-options.ts';

export interface ProjectRunOptions extends TurnOptions {
  background?: boolean;
  foreground?: boolean;
  config?: string;
  skipReview?: boolean;
  skipQa?: boolean;
  wait?: boolean;
  key?: string;
  name?: string;
  env?: string[];
}

export async function runProject(context: Context, options: ProjectRunOptions): Promise<number> {
  const project = needProject(context.cwd);
  // What is wrong with the words is said before anybody is asked.
  askedEnv(options.env ?? [], context.env);
  const known = await knownTask(context, project);
  if (known && options.env)
    throw usage(
      'The task of this project has its environment already.',
      'A new one gets another: rasen reinit, and then: rasen run --env …',
    );
  if (known) refuseMoved(project, known);
  if (known) return await goOn(context, project, known, options);

  const order = await orderIn(context, project, options);
  const background = options.background === true || (order.background && options.foreground !== true);
  const { views = null } = order.spec;
  project.task.views = views && {
    status_file: views.status_file,
    pid_file: views.pid_file,
    log_file: views.log_file,
  };
  const { task } = await submit(context, order);
  project.task.submitted_at = new Date().toISOString();
  saveTaskFile(project);
  if (background && !context.out.json) context.out.answer(startingLine(project));
  if (background) return await leave(context, task);
  return await inForeground(context, task, { through_limits: options.wait === true });
}

/** What a run of a trigger does: the task of this project, each time as a new one. */
export async function projectOrder(context: Context, options: ProjectRunOptions): Promise<Order> {
  const { root, task } = needProject(context.cwd);
  return await orderIn(context, { root, task: { ...task, id: ulid() } }, options);
}

/** The task as the supervisor knows it, or null when it was never run. */
async function knownTask({ link }: Context, project: Project): Promise<TaskView | null> {
  // Nothing is started before the configuration is known to be right.
  if (project.task.submitted_at === null && !(await link.reachable())) return null;
  try {
    return await link.persist(client => client.call('task.get', { task: project.task.id }), { starts: true });
  } catch (error) {
    if (isRasenError(error) && error.kind === 'task_unknown') return null;
    throw error;
  }
}

/** Options that count when the task is handed over, and never again. */
const FIRST_RUN = ['config', 'key', 'name', 'after', 'group', 'priority'] as const;

async function goOn(
  context: Context,
  project: Project,
  view: TaskView,
  options: ProjectRunOptions,
): Promise<number> {
  const { out } = context;
  const background = options.background === true;
  const unused = FIRST_RUN.filter(name => options[name] !== undefined).map(name => `--${name}`);
  if (unused.length > 0) out.note(`not used: ${unused.join(', ')}; the task has what its first run gave it`);
  let now = view;
  switch (view.status) {
    case 'completed':
    case 'failed':
    case 'cancelled': {
      const next = nextCommand(view);
      out.note(
        `The task is ${view.status}.${next ? ` Next: ${next}` : ''}\n  To make a new one of it: ${inFolder(project.root)}rasen reinit`,
      );
      if (out.json) out.value(view);
      return view.exit_code ?? 0;
    }
    case 'interrupted':
    case 'blocked':
      now = await resumeTask(context, view.id, options);
      break;
    default:
      if (options.skipReview || options.skipQa)
        throw new RasenError(
          'task_state',
          `Task ${view.id} is ${view.status}; its judges stay as they are.`,
          {
            hint: `Stop it first: rasen stop ${view.id}`,
          },
        );
      out.note('The task is already running.');
  }
  if (!background) return await inForeground(context, now, { through_limits: options.wait === true });
  if (!out.json) out.answer(startingLine(project));
  return await leave(context, now);
}

function startingLine({ task }: Project): string {
  const { pid_file, log_file } = task.views ?? DEFAULT_VIEWS;
  return `Starting daemon... (PID file: ${pid_file}, log: ${log_file})`;
}

/** The end of a start in the background. */
export async function leave({ out, link }: Context, view: TaskView): Promise<number> {
  if (out.json) out.value(view);
  else out.answer(`Daemon started with PID ${view.pid ?? (await link.call('daemon.status', {})).pid}`);
  return 0;
}

/** The task text and the plan are files in `.rasen/`; all else is configuration. */
async function orderIn(
  context: Context,
  { root, task }: Project,
  { config, key, name, env, skipReview, skipQa, ...options }: ProjectRunOptions,
): Promise<Order> {
  const plan_file = inProject(root, 'plan.json');
  const wish = {
    goal: readBelow(root, '.rasen/task.txt').trim(),
    plan_file: existsSync(plan_file) ? plan_file : null,
    base: task.base,
    config_file: config,
    skip_review: skipReview,
    skip_qa: skipQa,
  };
  const turn = await turnOf(context, options);
  return await orderHere(context, wish, { id: task.id, folder: root, key, name, env, turn });
}
