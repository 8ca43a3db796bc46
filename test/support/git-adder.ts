/** Another process that makes a worktree: repository, common dir, task and base are its arguments. */
import { ensureWorktree } from '../../src/git/worktree.ts';

const [root, common_dir, task, base] = process.argv.slice(2) as [string, string, string, string];
const made = await ensureWorktree(
  { root, common_dir },
  { task, slug: 'same', base, base_path: '.worktrees' },
);
process.stdout.write(made.branch);
