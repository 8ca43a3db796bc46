/** The worktree of a git task, brought to where an attempt starts. Idempotent; never touches the user's checkout. */
import { isRasenError, RasenError } from '../../errors.ts';
import { excludeLocally, type Repository, resolveCommit } from '../../git/repository.ts';
import { resetWorktree } from '../../git/reset.ts';
import { ensureWorktree, freshCheckout } from '../../git/worktree.ts';
import { isAgentStep } from '../../task/gates-of.ts';
import type { Attempt, Step, TaskState } from '../../task/state.ts';
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
  const repo = await repositoryOf(context, state).catch(withAWayOut);
  const made = await ensure(repo, state);
  if (step.kind === 'final') {
    await freshCheckout(repo, {
      task: state.id,
      commit: attempt.from ?? goodCommit(state),
      path: context.places.checkout(state, 'final'),
    });
  } else if (isAlone(state, step)) {
    await resetWorktree(repo, made, attempt.from ?? made.base);
  }
  return made;
}

/** The reason of a blocked task is its message alone, so the message says what can be done. */
function withAWayOut(error: unknown): never {
  if (!isRasenError(error) || error.kind !== 'not_git') throw error;
  const ways =
    'make one (git init, git add -A, git commit), or write "worktree: {enabled: false}" in rasen.yml and make the task again (rasen reinit --force)';
  throw new RasenError('not_git', `${error.message}; ${ways}`, { cause: error });
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

/** Commands of a git task may share the worktree; then nobody resets it under another. */
function isAlone(state: TaskState, step: Step): boolean {
  return isAgentStep(state, step) || !state.steps.some(s => s.id !== step.id && s.attempt);
}
