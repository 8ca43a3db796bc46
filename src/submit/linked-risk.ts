/** What worktree.isolation: linked costs: told by doctor, and when such a task is handed over. */
export const LINKED_RISK =
  'worktree.isolation is linked: agents and tests can change the branches, stash, tags, hooks and settings of your repository, and two tasks can be in each other’s way';
export const LINKED_FIX = 'To keep them apart: worktree.isolation: clone, in rasen.yml(5)';
