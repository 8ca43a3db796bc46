/** Another process that makes a worktree: repository, common dir, task and base are its arguments. */
import { ensureWorktree } from '../../src/git/worktree.ts';
import { openTest } from './git-repo.ts';

const [root, , task, base] = process.argv.slice(2) as [string, string, string, string];
const made = await ensureWorktree(await openTest(root, task), {
  task,
  slug: 'same',
  base,
  base_path: '.worktrees',
});
process.stdout.write(made.branch);
