/** The workspace of a git task, brought to where an attempt starts. Idempotent; never touches the user's checkout. */
import { isRasenError, RasenError } from '../../contract/errors.ts';
import type { Result } from '../../engine/effect.ts';
import { type Attempt, type Step, stepOf, type TaskState } from '../../engine/state.ts';
import { resetsWorktree } from '../../engine/worktree-use.ts';
import { writeUsers } from '../../git/records.ts';
import { excludeLocally, type Repository, resolveCommit } from '../../git/repository.ts';
import { resetWorktree } from '../../git/reset.ts';
import { sealAttempt } from '../../git/seal.ts';
import { restoreWorktree } from '../../git/trust.ts';
import { usersState } from '../../git/users-state.ts';
import { ensureWorktree, freshCheckout } from '../../git/worktree.ts';
import { titleOf } from './commits.ts';
import { type EffectContext, goodCommit } from './context.ts';
import { repositoryOf } from './repository.ts';

export interface Workspace {
  base: string;
  branch: string;
  path: string;
}

export async function prepareWorkspace(
  context: EffectContext,
  state: TaskState,
  step: Step,
  attempt: Attempt,
): Promise<Workspace | null> {
  const { workspace } = state.spec;
  if (workspace.kind !== 'git') return null;
  const repo = await repositoryOf(context, state).catch(error => withAWayOut(error, state.id));
  const made = await ensure(repo, state);
  // The user's side, as it is before the attempt: what is done here concerns the task's own alone.
  const users = attempt.work ? usersState(repo) : null;
  users?.catch(() => {});
  if (step.kind === 'final') {
    await finalCheckout(context, repo, state, attempt);
  } else if (resetsWorktree(state, step)) {
    await resetTo(repo, made, state, attempt.from ?? made.base);
  }
  if (users !== null) await writeUsers(repo, state.id, await users);
  return made;
}

/** Where gates of the attempt run: as it was sealed, also after the machine went down in the middle. */
export async function restoreForGates(
  context: EffectContext,
  state: TaskState,
  step: Step,
  attempt: Attempt,
): Promise<void> {
  const repo = await repositoryOf(context, state);
  if (await restoreWorktree(repo, context.places.root(state, step))) return;
  if (step.kind === 'final') return await finalCheckout(context, repo, state, attempt);
  const made = await ensure(repo, state);
  await resetTo(repo, made, state, attempt.sealed?.commit ?? attempt.from ?? made.base);
}

/** The rollback that a person asked for. What attempts left is kept under their refs. */
export async function rollback(context: EffectContext, state: TaskState): Promise<Result> {
  const repo = await repositoryOf(context, state).catch(error => withAWayOut(error, state.id));
  await resetTo(repo, await ensure(repo, state), state, state.rollback!.commit);
  return { type: 'rollback' };
}

async function resetTo(repo: Repository, made: Workspace, state: TaskState, commit: string): Promise<void> {
  await keepUnsealed(repo, made, state);
  await resetWorktree(repo, made, commit, unsealedMarks(state));
}

const finalCheckout = (context: EffectContext, repo: Repository, state: TaskState, attempt: Attempt) =>
  freshCheckout(repo, {
    task: state.id,
    commit: attempt.from ?? goodCommit(state),
    path: context.places.checkout(state, 'final'),
  });

/**
 * Commits what attempts left that were closed before that could be done (cancelled, done again, or by a version of rasen
 * that gave up): whatever comes next, no work lies in the worktree alone.
 */
async function keepUnsealed(
  repo: Repository,
  worktree: Pick<Workspace, 'path' | 'branch'>,
  state: TaskState,
): Promise<void> {
  for (const marks of unsealedMarks(state))
    await sealAttempt(repo, worktree, {
      good: goodCommit(state),
      marks,
      title: titleOf(state, stepOf(state, marks.subtask)),
    });
}

/** Attempts whose work may be in no commit, as the journal knows them. */
const unsealedMarks = (state: TaskState) =>
  state.unsealed.map(({ step, n }) => ({ task: state.id, subtask: step, attempt: n }));

/** The reason of a blocked task is its message alone, so the message says what can be done. */
function withAWayOut(error: unknown, task: string): never {
  if (!isRasenError(error) || error.kind !== 'not_git') throw error;
  const first = error.hint ? `${error.hint.replace(/\.$/, '')}; or ` : '';
  const other =
    'write "worktree: {enabled: false}" in rasen.yml and make the task again (rasen reinit --force)';
  const ways = error.data?.moved
    ? `Move it back and go on with \`rasen resume ${task}\``
    : `${first}${other}`;
  throw new RasenError('not_git', `${error.message}. ${ways}`, { cause: error });
}

async function ensure(repo: Repository, state: TaskState): Promise<Workspace> {
  const { workspace } = state.spec;
  if (workspace.kind !== 'git') throw new Error(`task ${state.id} does not work in git`);
  const base = state.workspace?.base ?? (await resolveCommit(repo, workspace.base ?? 'HEAD'));
  await excludeLocally(repo, ['.rasen/', '.worktrees/']);
  const { path, branch } = await ensureWorktree(repo, {
    task: state.id,
    slug: workspace.slug,
    base,
    base_path: workspace.base_path,
    known: state.workspace,
  });
  return { base, branch, path };
}
