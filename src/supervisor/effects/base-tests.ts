/** The tests of the base commit in place of those of today: where such a gate runs, and which tests those are. */

import type { Attempt, TaskState } from '../../engine/state.ts';
import { isOfTests } from '../../gates/test-rules.ts';
import { type Differing, differingFiles, filesOf, putBack } from '../../git/put-back.ts';
import type { Repository } from '../../git/repository.ts';
import { freshCheckout } from '../../git/worktree.ts';
import { type EffectContext, goodCommit } from './context.ts';
import { repositoryOf } from './repository.ts';

/** Makes `path` a fresh checkout of the commit of the attempt, with the tests of the base. */
export async function baseTestsCheckout(
  context: EffectContext,
  state: TaskState,
  attempt: Attempt,
  path: string,
): Promise<void> {
  const repo = await repositoryOf(context, state);
  const commit = attempt.from ?? goodCommit(state);
  await freshCheckout(repo, { task: state.id, commit, path });
  await putBack(repo, path, state.workspace!.base, await differing(repo, state, attempt));
}

/** Names of the tests that are others there. */
export async function changedBaseTests(
  context: EffectContext,
  state: TaskState,
  attempt: Attempt,
): Promise<string[]> {
  const repo = await repositoryOf(context, state);
  const { earlier, added } = await differing(repo, state, attempt);
  return [...earlier, ...added].slice(0, 20);
}

async function differing(repo: Repository, state: TaskState, attempt: Attempt): Promise<Differing> {
  const { base } = state.workspace!;
  const found = await differingFiles(repo, base, attempt.from ?? goodCommit(state), isOfTests);
  // Where there were no tests, to take the new ones away would leave nothing to be run.
  return (await filesOf(repo, base)).some(isOfTests) ? found : { earlier: [], added: [] };
}
