/**
 * The refs of a task: refs/rasen/<task>/{base, good/<k>, attempt/<subtask>/<n>, kept/<commit>}. They are made once
 * and never moved: a second value for the same name is an error, the same value is done. Used by all of git/.
 */
import { isRasenError, RasenError } from '../contract/errors.ts';
import { withRepositoryLock } from './lock.ts';
import { refPart } from './records.ts';
import { findCommit, here, type Place, type Repository } from './repository.ts';
import { git } from './run.ts';
import { soundRef, soundStore } from './sound.ts';

export type { Place } from './repository.ts';

export interface TaskRef {
  ref: string;
  commit: string;
}

const prefix = (task: string) => `refs/rasen/${refPart(task)}`;
export const baseRef = (task: string) => `${prefix(task)}/base`;
export const goodRef = (task: string, k: number) => `${prefix(task)}/good/${k}`;
export const attemptRef = (a: { task: string; subtask: string; attempt: number }) =>
  `${prefix(a.task)}/attempt/${refPart(a.subtask)}/${a.attempt}`;

/** Creates a ref. It has this value already: done. It has another: throws `git`, and the ref stays. */
export async function createRef(place: Place, ref: string, commit: string): Promise<void> {
  const before = await madeRef(place, ref, commit);
  if (before === commit) return;
  throw new RasenError('git', `${ref} is ${before} already and cannot become ${commit}`, {
    hint: 'Refs of a task never move. This is another task with the same id, or a damaged record.',
    data: { ref, before, commit },
  });
}

/** Creates the ref, unless it is there. The result is what it names. */
async function madeRef(place: Place, ref: string, commit: string): Promise<string> {
  soundRef(place.repo, ref);
  try {
    // Mostly it is new, so nobody asks first.
    await git(['update-ref', '--stdin'], { ...place, input: `create ${ref} ${commit}\n` });
    return commit;
  } catch (error) {
    const before = isRasenError(error) ? await findCommit(place, ref) : null;
    if (before === null) throw error;
    return before;
  }
}

/** Sets the ref, but only from the value that was seen; null: the ref must not exist. */
export async function moveRef(
  place: Place,
  ref: string,
  move: { from: string | null; to: string; why: string },
): Promise<void> {
  if (move.from === move.to) return;
  soundRef(place.repo, ref);
  const old = move.from ?? '0'.repeat(move.to.length);
  await git(['update-ref', '-m', move.why, ref, move.to, old], place);
}

/** Sets several refs as moveRef does, all at once; false: one of them is not what was seen, or cannot be set so. */
export async function moveRefs(
  place: Place,
  moves: readonly { ref: string; from: string | null; to: string }[],
  why: string,
): Promise<boolean> {
  for (const { ref } of moves) soundRef(place.repo, ref);
  const lines = moves.map(({ ref, from, to }) =>
    from === null ? `create ${ref} ${to}\n` : `update ${ref} ${to} ${from}\n`,
  );
  const { code } = await git(['update-ref', '-m', why, '--stdin'], {
    ...{ ...place, ok: [0, 1, 128] },
    input: lines.join(''),
  });
  return code === 0;
}

/**
 * Marks the commit after the k-th completed subtask. The journal decides which k is next: a ref that a crash left behind
 * for this k names a commit that was never accepted, and moves.
 */
export function markGood(repo: Repository, good: { task: string; k: number; commit: string }): Promise<void> {
  return withRepositoryLock(repo, async () => {
    await soundStore(repo, good.task);
    const ref = goodRef(good.task, good.k);
    const place = here(repo);
    const before = await madeRef(place, ref, good.commit);
    if (before === good.commit) return;
    await moveRef(place, ref, { from: before, to: good.commit, why: 'rasen: good' });
    await keepCommit(place, good.task, before);
  });
}

/** The commit of the highest good/<k>; null before the first. */
export async function lastGood(repo: Repository, task: string): Promise<string | null> {
  const start = `${prefix(task)}/good/`;
  const good = (await listTaskRefs(repo, task)).filter(r => r.ref.startsWith(start));
  good.sort((a, b) => Number(a.ref.slice(start.length)) - Number(b.ref.slice(start.length)));
  return good.at(-1)?.commit ?? null;
}

export async function listTaskRefs(repo: Repository, task: string): Promise<TaskRef[]> {
  const args = ['for-each-ref', '--format=%(refname) %(objectname)', `${prefix(task)}/`];
  const { stdout } = await git(args, { ...here(repo), reads: true });
  return stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const at = line.lastIndexOf(' ');
      return { ref: line.slice(0, at), commit: line.slice(at + 1) };
    });
}

/** Is `ancestor` reachable from `commit`? A commit is its own ancestor. */
export async function isAncestor(place: Place, ancestor: string, commit: string): Promise<boolean> {
  if (ancestor === commit) return true;
  const args = ['merge-base', '--is-ancestor', ancestor, commit];
  return (await git(args, { ...place, reads: true, ok: [0, 1] })).code === 0;
}

/**
 * Is everything there that the commits add to `known`? A power cut can leave a commit without its content; a ref to such
 * a one would make every `git gc` of the user fail.
 */
export async function areWhole(place: Place, commits: readonly string[], known: string): Promise<boolean> {
  const args = ['rev-list', '--objects', '--quiet', ...commits, `^${known}`];
  return (await git(args, { ...place, reads: true, ok: [0, 1, 128] })).code === 0;
}

/** Makes sure that a commit stays reachable from the task's refs: where it does not, as kept/<commit>. */
export async function keepCommit(place: Place, task: string, commit: string): Promise<void> {
  if (!(await areWhole(place, [commit], baseRef(task)))) return;
  const args = ['for-each-ref', '--count=1', '--contains', commit, `${prefix(task)}/`];
  const { stdout } = await git(args, { ...place, reads: true });
  if (stdout.trim() === '') await createRef(place, `${prefix(task)}/kept/${commit}`, commit);
}
