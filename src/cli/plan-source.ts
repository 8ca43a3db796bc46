/** The plan of a task for `rasen plan`: of the supervisor once the task was run, before that the file in `.rasen/`. */
import { existsSync } from 'node:fs';
import { isRasenError, RasenError } from '../contract/errors.ts';
import type { Params, Plan, TaskView } from '../index.ts';
import type { Context } from './context.ts';
import { savedPlan, savePlan, tellNotTaken } from './make-task.ts';
import { findProject, inProject, type Project, taskRef } from './project.ts';

export interface PlanSource {
  /** Id of the task. */
  task: string;
  plan: Plan | null;
  rev: number;
  /** The folder of the task. */
  project: string;
  /** Why another plan would be refused as the task is now; null: it would be taken. */
  closed: RasenError | null;
  /** Puts a plan in force, or saves it for the run to come. Gives what is in force. */
  replace(file: string, text: string): Promise<TaskView | null>;
}

/** Throws RasenError `task_unknown`, `unreachable` or `no_project`. */
export async function planSource(context: Context, given: string | undefined): Promise<PlanSource> {
  const project = given === undefined ? findProject(context.cwd) : null;
  const ref = taskRef(context, given);
  try {
    if (project?.task.submitted_at === null && !(await context.link.reachable()))
      return fileSource(context, project);
    const { plan, rev } = await context.link.call('task.plan', { task: ref });
    return serverSource(context, ref, plan as Plan | null, rev);
  } catch (error) {
    if (project && isRasenError(error) && error.kind === 'task_unknown') return fileSource(context, project);
    throw error;
  }
}

async function serverSource(
  context: Context,
  ref: string,
  plan: Plan | null,
  rev: number,
): Promise<PlanSource> {
  const view = await context.link.call('task.get', { task: ref });
  const { id, goal, project } = view;
  return {
    task: id,
    plan,
    rev,
    project,
    closed: closedBy(view),
    async replace(file, text) {
      const bundle = await context.loadConfigBundle();
      const loaded = bundle.readPlanFile(file, text, { task: id, goal: plan?.goal ?? goal, origin: 'file' });
      tellNotTaken(context, file, loaded.notes);
      const { gates, parallel, base } = loaded.defaults;
      if (gates.length > 0 || parallel !== null || base !== null)
        throw new RasenError(
          'config',
          `${file}: gates, parallel and base of the whole task are fixed once it was run.`,
          {
            hint: 'Write gates at the subtasks; for the rest, `rasen reinit --plan FILE` makes a new task.',
          },
        );
      const params: Params<'task.replan'> = {
        task: id,
        plan: { ...loaded.plan, source: 'user' },
        expected_rev: rev,
        op: crypto.randomUUID(),
      };
      return await context.link.persist(client => client.call('task.replan', params), { starts: true });
    },
  };
}

/** As the supervisor decides, before anybody has written for nothing. */
function closedBy({ id, status, subtasks }: TaskView): RasenError | null {
  if (status === 'completed' || status === 'failed' || status === 'cancelled')
    return new RasenError('task_state', `Task ${id} is ${status}; its plan is what was done.`);
  if (status === 'interrupted' || status === 'blocked' || subtasks.every(s => s.attempt === null))
    return null;
  return new RasenError(
    'task_state',
    `Task ${id} is ${status}; its plan can be changed when nothing of it runs.`,
    {
      hint: `rasen stop ${id} && rasen plan edit --task ${id} && rasen resume ${id}`,
    },
  );
}

async function fileSource(context: Context, { root, task }: Project): Promise<PlanSource> {
  const bundle = await context.loadConfigBundle();
  const own = inProject(root, 'plan.json');
  const read = (file: string, text: string) =>
    bundle.readPlanFile(file, text, { task: task.id, origin: 'file' });
  const now = existsSync(own) ? savedPlan(bundle, read(own, bundle.readPlanText(own))) : null;
  return {
    task: task.id,
    plan: now,
    rev: 0,
    project: root,
    closed: null,
    async replace(file, text) {
      const loaded = read(file, text);
      tellNotTaken(context, file, loaded.notes);
      savePlan(root, savedPlan(bundle, loaded));
      return null;
    },
  };
}
