/** The commit without its change to the source, under the tests and the configuration of today: where such gates run. */

import type { Attempt, TaskState } from '../../engine/state.ts';
import { hasTestsWithin, isSource, withoutChange } from '../../gates/sources.ts';
import { differingFiles, putBack, textAt } from '../../git/put-back.ts';
import type { Repository } from '../../git/repository.ts';
import { freshCheckout } from '../../git/worktree.ts';
import { type EffectContext, goodCommit } from './context.ts';
import { putText } from './put-text.ts';
import { repositoryOf } from './repository.ts';

/** How many files of the source the task has changed; undefined: none, or nobody asks. */
export async function changedSources(
  repo: Repository,
  { spec, workspace }: TaskState,
  commit: string,
): Promise<number | undefined> {
  if (!spec.mutation_check || !workspace) return undefined;
  const { earlier, added } = await differingFiles(repo, workspace.base, commit, isSource);
  return earlier.length + added.length || undefined;
}

export async function mutationCheckout(
  context: EffectContext,
  state: TaskState,
  attempt: Attempt,
  path: string,
): Promise<void> {
  const repo = await repositoryOf(context, state);
  const { base } = state.workspace!;
  const commit = attempt.from ?? goodCommit(state);
  await freshCheckout(repo, { task: state.id, commit, path });
  const found = await differingFiles(repo, base, commit, isSource);
  await putBack(repo, path, base, found);
  for (const file of found.earlier.filter(hasTestsWithin)) {
    const after = await textAt(repo, commit, file);
    const text = after === null ? null : withoutChange(await textAt(repo, base, file), after);
    if (text !== null) putText(path, { path: file, text });
  }
}
