/**
 * A project folder that was moved or renamed after its task was submitted. The task has its place by value, and so have its
 * worktree and the repository's registration of that: it goes on where it was, and its commits are in the repository.
 */
import { existsSync } from 'node:fs';
import { RasenError } from '../contract/errors.ts';
import type { TaskView } from '../index.ts';
import type { Context } from './context.ts';
import { findProject, type Project } from './project.ts';

/** For commands that go on with the task of a project. Throws `task_state`. */
export function refuseMoved(
  { root, task }: Project,
  { id, status, project, branch }: Pick<TaskView, 'id' | 'status' | 'project' | 'branch'>,
): void {
  if (task.id !== id || project === root || existsSync(project)) return;
  const back = `mv ${shellWord(root)} ${shellWord(project)}`;
  const hint =
    status === 'completed' && branch !== null
      ? `Its commits are on ${branch} here: git merge ${branch}. Or move the folder back: ${back}`
      : `Move it back, and run this command there: ${back}`;
  throw new RasenError(
    'task_state',
    `This project was moved: task ${id} was made in ${project}, which is not there any more. Nothing was done.`,
    { hint, data: { task: id, project, found: root } },
  );
}

/** The same for a command that names no task, or that of the project which it is in, before it asks for anything. */
export async function refuseMovedHere({ cwd, link }: Context, named: string | undefined): Promise<void> {
  const project = findProject(cwd);
  if (project === null || project.task.submitted_at === null) return;
  const view = await link
    .persist(client => client.call('task.get', { task: project.task.id }), { starts: true })
    .catch(() => null);
  if (view === null) return;
  if (named === undefined || view.name === named || view.id.endsWith(named)) refuseMoved(project, view);
}

/** As a shell reads it back. */
const shellWord = (text: string) =>
  /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
