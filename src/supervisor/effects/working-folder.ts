/**
 * Where a command runs, looked up at the moment of use: an agent may have put a link where a folder was when the plan was
 * checked. The runner looks once more, where it is and not by name.
 */
import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, RasenError } from '../../contract/errors.ts';
import { isBelow } from '../../host/below.ts';

export interface WorkingFolder {
  cwd: string;
  /** Physical path that the runner must find itself in or below; null: wherever `cwd` leads. */
  root: string | null;
}

/**
 * @param root the worktree, checkout or project.
 * @param own the command's own folder in it, as the plan has it; null: `root` itself.
 * @param ours `root` was made by rasen: it is no link. A project may be reached by as many as its user likes.
 * Throws `config` for what leads out. What is not there is for the runner to say.
 */
export async function workingFolder(root: string, own: string | null, ours: boolean): Promise<WorkingFolder> {
  if (!ours && own === null) return { cwd: root, root: null };
  const physical = ours
    ? join((await there(dirname(root))) ?? dirname(root), basename(root))
    : ((await there(root)) ?? root);
  const real = await there(root);
  if (real !== null && real !== physical)
    throw leadsOut(`the worktree ${root}`, 'the place where rasen made it', real);
  const cwd = join(physical, own ?? '');
  const led = await there(cwd);
  if (led !== null && !isBelow(physical, led))
    throw leadsOut(`cwd "${own}"`, ours ? 'the worktree' : 'the project', led);
  return { cwd: led ?? cwd, root: physical };
}

/** Its physical path; null: it cannot be reached. */
async function there(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES'].includes(errnoOf(error) ?? '')) return null;
    throw error;
  }
}

function leadsOut(what: string, of: string, to: string): RasenError {
  return new RasenError('config', `${what} leads out of ${of} (to ${to})`, {
    hint: 'A link was put there. Nothing was run.',
  });
}
