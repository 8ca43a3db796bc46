/** The gate configuration that a person knows in place of that of today: which files that is about, and where such gates run. */

import type { Attempt, TaskState } from '../../engine/state.ts';
import { folderOf } from '../../engine/working-folder.ts';
import { isGateConfig, isMerged, restored } from '../../gates/config/restore.ts';
import { type Differing, differingFiles, putBack, textAt } from '../../git/put-back.ts';
import { isAncestor } from '../../git/refs.ts';
import { here, type Repository } from '../../git/repository.ts';
import { freshCheckout } from '../../git/worktree.ts';
import { type EffectContext, goodCommit } from './context.ts';
import { putText } from './put-text.ts';
import { repositoryOf } from './repository.ts';

/** Names that stay in the journal. */
const MAX_NAMED = 20;

interface Restored extends Differing {
  /** The commit that they are known from. */
  known: string;
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
  const names = (await restoredAt(repo, state, commit)).flatMap(namesIn);
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
  for (const { known, texts, ...files } of await restoredAt(repo, state, commit)) {
    await putBack(repo, path, known, files);
    for (const file of texts) putText(path, file);
  }
}

/** The last commit whose configuration a person knows. */
export const knownCommit = ({ approved, workspace }: TaskState): string => approved ?? workspace!.base;

/** What has to be put back in a commit, by the commit that it is known from. */
async function restoredAt(repo: Repository, state: TaskState, commit: string): Promise<Restored[]> {
  const left = new Map<string, string>();
  for (const run of await commandsBefore(repo, state, commit)) {
    const { earlier, added } = await differingFiles(repo, run.from, run.commit, isGateConfig);
    const own = [...earlier, ...added];
    if (own.length === 0) continue;
    // A command that formats what an agent changed before makes nothing of it known.
    const changed = new Set((await restoredOver(repo, state, run.from, left)).flatMap(namesIn));
    for (const path of own) if (!changed.has(path)) left.set(path, run.commit);
  }
  return await restoredOver(repo, state, commit, left);
}

/**
 * Commands of the plan that a commit is built on, in order. They are the user's own, so the gate configuration is known as
 * they left it. What a person has approved since holds what came before.
 */
async function commandsBefore(
  repo: Repository,
  state: TaskState,
  commit: string,
): Promise<{ from: string; commit: string }[]> {
  const { plan, approved, workspace, good } = state;
  if (!plan || plan.source === 'planner') return [];
  const commands = new Set(plan.subtasks.filter(s => 'run' in s.do).map(({ id }) => id));
  const found: { from: string; commit: string }[] = [];
  for (const [i, { step, commit: at }] of good.entries()) {
    if (!commands.has(step) || !(await isAncestor(here(repo), at, commit))) continue;
    if (approved && (await isAncestor(here(repo), at, approved))) continue;
    found.push({ from: good[i - 1]?.commit ?? workspace!.base, commit: at });
  }
  return found;
}

/** `left`: files that are known from a later commit than the others. */
async function restoredOver(
  repo: Repository,
  state: TaskState,
  commit: string,
  left: ReadonlyMap<string, string>,
): Promise<Restored[]> {
  const others = knownCommit(state);
  const given = givenPaths(state);
  const found: Restored[] = [];
  for (const known of new Set([others, ...left.values()])) {
    const isAsked = (path: string) =>
      isGateConfig(path) && !given.has(path) && (left.get(path) ?? others) === known;
    found.push(await restoredFrom(repo, known, commit, isAsked));
  }
  return found;
}

async function restoredFrom(
  repo: Repository,
  known: string,
  commit: string,
  isAsked: (path: string) => boolean,
): Promise<Restored> {
  const found = await differingFiles(repo, known, commit, isAsked);
  const files: Restored = {
    known,
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

const namesIn = ({ texts, earlier, added }: Restored): string[] => [
  ...texts.map(({ path }) => path),
  ...earlier,
  ...added,
];

/** What plans of the user's let change, by the whole name. A planner is an agent, and gives nothing. */
function givenPaths(state: TaskState): ReadonlySet<string> {
  const { plan } = state;
  if (!plan || plan.source === 'planner') return new Set();
  const folder = folderOf(state);
  const below = folder === null ? '' : `${folder}/`;
  return new Set(plan.subtasks.flatMap(({ tests }) => tests.map(path => `${below}${path}`)));
}
