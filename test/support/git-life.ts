/**
 * The git work of one small task, step by step, as a supervisor does it: each step is written down when it is done, and
 * a new start begins with the first step that is not. Arguments: repository, common dir, base commit, state folder, kind of
 * workspace.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { merge } from '../../src/git/merge.ts';
import { markGood } from '../../src/git/refs.ts';
import type { Isolation } from '../../src/git/repository.ts';
import { resetWorktree } from '../../src/git/reset.ts';
import { sealAttempt } from '../../src/git/seal.ts';
import { ensureWorktree, removeWorktree } from '../../src/git/worktree.ts';
import { openTest, write } from './git-repo.ts';

const [root, , base, state, kind] = process.argv.slice(2) as [string, string, string, string, Isolation];
const repo = await openTest(root, 't1', kind);
const journal = join(state, 'journal');
const done = new Set(existsSync(journal) ? readFileSync(journal, 'utf8').split('\n') : []);
const once = async (step: string, act: () => Promise<unknown>) => {
  if (done.has(step)) return;
  await act();
  writeFileSync(journal, `${step}\n`, { flag: 'a' });
};

const worktree = await ensureWorktree(repo, { task: 't1', slug: 'x', base, base_path: '.worktrees' });
const seal = (attempt: number, good: string) =>
  sealAttempt(repo, worktree, {
    good,
    marks: { task: 't1', subtask: 's', attempt },
    title: `try ${attempt}`,
  });

await once('agent 1', async () => write(worktree.path, { 'a.txt': 'first\n', 'dir/b.txt': 'b\n' }));
await once('seal 1', () => seal(1, base));
const first = await seal(1, base);
await once('good', () => markGood(repo, { task: 't1', k: 1, commit: first.commit }));
await once('agent 2', async () => write(worktree.path, { 'a.txt': 'worse\n', junk: 'x' }));
await once('seal 2', () => seal(2, first.commit));
await once('reset', () => resetWorktree(repo, worktree, first.commit, []));
const merged = await merge(repo, {
  task: 't1',
  commit: first.commit,
  into: null,
  squash: true,
  message: 'Merge the task',
  scratch: join(state, 'scratch'),
  check: async () => {},
});
await removeWorktree(repo, worktree.path);
process.stdout.write(JSON.stringify({ first, merged: merged.commit }));
