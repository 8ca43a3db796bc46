/**
 * A supervisor's work in a repository, in a process of its own, in which a fault is injected (fault-shim.c takes it for
 * rasend, by an argument). Arguments: root, base, isolation. Does what each line of its input says, and answers with a line of
 * JSON: `work N`: make the worktree ready and seal attempt N; `lock`: take the lock of the repository, which another has.
 */
import { createInterface } from 'node:readline';
import { isRasenError } from '../../src/contract/errors.ts';
import { withRepositoryLock } from '../../src/git/lock.ts';
import type { Isolation } from '../../src/git/repository.ts';
import { sealAttempt } from '../../src/git/seal.ts';
import { ensureWorktree, type Worktree } from '../../src/git/worktree.ts';
import { troubleOf } from '../../src/host/trouble.ts';
import { openTest } from './git-repo.ts';

const [root, base, isolation] = process.argv.slice(2) as [string, string, Isolation];
/** Long enough to look at who has it more than once. */
const LOCK_MS = 200;

const repo = await openTest(root, 't1', isolation);
let known: Worktree | null = null;

async function work(n: number) {
  known = await ensureWorktree(repo, { task: 't1', slug: 'x', base, base_path: '.worktrees', known });
  const marks = { task: 't1', subtask: 's', attempt: n };
  const { commit } = await sealAttempt(repo, known, { good: base, marks, title: 'work' });
  return { commit, path: known.path, branch: known.branch };
}

const lock = () => withRepositoryLock(repo, async () => ({ taken: true }), LOCK_MS);

for await (const line of createInterface(process.stdin)) {
  const [what, n] = line.split(' ');
  const answer = await (what === 'lock' ? lock() : work(Number(n))).catch(error => ({
    error: `${isRasenError(error) ? error.kind : 'other'}: ${error}`,
    trouble: troubleOf(error)?.why ?? null,
  }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
