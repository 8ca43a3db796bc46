/** The gate configuration that a person knows in place of that of today: which files that is about, and where such gates run. */

import type { Attempt, TaskState } from '../../engine/state.ts';
import { folderOf } from '../../engine/working-folder.ts';
import { isGateConfig, isMerged, restored } from '../../gates/config/restore.ts';
import { type Differing, differingFiles, putBack, textAt } from '../../git/put-back.ts';
import type { Repository } from '../../git/repository.ts';
import { freshCheckout } from '../../git/worktree.ts';
import { type EffectContext, goodCommit } from './context.ts';
import { putText } from './put-text.ts';
import { repositoryOf } from './repository.ts';

/** Names that stay in the journal. */
const MAX_NAMED = 20;

interface Restored extends Differing {
  texts: { path: string; text: string }[];
}

/**
 * Files that would be others with the configuration of before; undefined: none, or nobody asks.
 * @param since what the attempt began with: who has touched no configuration is asked nothing.
 */
export async function changedConfig(
  repo: Repository,
  state: TaskState,
  commit: string,
  since: string,
): Promise<string[] | undefined> {
  if (!state.spec.base_config || commit === since) return undefined;
  const own = await differingFiles(repo, since, commit, isGateConfig);
  if (own.earlier.length + own.added.length === 0) return undefined;
  const { earlier, added, texts } = await restoredAt(repo, state, commit);
  const names = [...texts.map(({ path }) => path), ...earlier, ...added];
  return names.length > 0 ? names.slice(0, MAX_NAMED) : undefined;
}

/** Makes `path` a fresh checkout of the commit of the attempt, with the gate configuration of before. */
export async function baseConfigCheckout(
  context: EffectContext,
  state: TaskState,
  attempt: Attempt,
  path: string,
): Promise<void> {
  const repo = await repositoryOf(context, state);
  const commit = attempt.sealed?.commit ?? attempt.from ?? goodCommit(state);
  await freshCheckout(repo, { task: state.id, commit, path });
  const { texts, ...files } = await restoredAt(repo, state, commit);
  await putBack(repo, path, knownCommit(state), files);
  for (const file of texts) putText(path, file);
}

/** The last commit whose configuration a person knows. */
export const knownCommit = ({ approved, workspace }: TaskState): string => approved ?? workspace!.base;

async function restoredAt(repo: Repository, state: TaskState, commit: string): Promise<Restored> {
  const known = knownCommit(state);
  const given = givenPaths(state);
  const isAsked = (path: string) => isGateConfig(path) && !given.has(path);
  const found = await differingFiles(repo, known, commit, isAsked);
  const files: Restored = {
    earlier: [],
    added: found.added.filter(path => restored(path, null, '') === null),
    texts: [],
  };
  for (const path of found.earlier) {
    if (!isMerged(path)) {
      files.earlier.push(path);
      continue;
    }
    const [before, after] = [await textAt(repo, known, path), await textAt(repo, commit, path)];
    const text = restored(path, before, after);
    if (typeof text === 'string') files.texts.push({ path, text });
  }
  return files;
}

/** What plans of the user's let change, by the whole name. A planner is an agent, and gives nothing. */
function givenPaths(state: TaskState): ReadonlySet<string> {
  const { plan } = state;
  if (!plan || plan.source === 'planner') return new Set();
  const folder = folderOf(state);
  const below = folder === null ? '' : `${folder}/`;
  return new Set(plan.subtasks.flatMap(({ tests }) => tests.map(path => `${below}${path}`)));
}
