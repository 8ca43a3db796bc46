/**
 * Seals an attempt: what its worktree holds becomes one named commit. Leftovers are committed as `wip:`, the commit
 * gets its ref, and the worktree is back on its branch at that commit. Used by the supervisor when the attempt's process
 * tree is empty, and again after a crash: the answer is recorded before the ref, so it is the same every time.
 */
import * as z from 'zod';
import { handOver, standsOn, type Theirs } from './carry.ts';
import { headTo, syncCommits, syncRef } from './durable-objects.ts';
import { committerEnv } from './identity.ts';
import { leftOut } from './left-out.ts';
import { withRepositoryLock } from './lock.ts';
import { forgetTornEntries } from './mend-ref.ts';
import { endOperations, mergeHeads } from './operations.ts';
import { installOwnIndex, withOwnIndex } from './own-index.ts';
import { readSeal, writeSeal } from './records.ts';
import { areWhole, attemptRef, createRef, isAncestor, keepCommit, moveRef } from './refs.ts';
import { findCommit, type Repository } from './repository.ts';
import { git } from './run.ts';
import { takeSnapshot } from './snapshot.ts';
import { mendAdmin, soundStore } from './sound.ts';
import { clearStaleLocks } from './stale-locks.ts';
import { at, isClone, type Workspace } from './workspace.ts';
import { requireWorkspace } from './workspaces.ts';
import type { Worktree } from './worktree.ts';

export interface CommitMarks {
  task: string;
  subtask: string;
  attempt: number;
}

export interface SealOptions {
  /** The last good commit: what the attempt started from. */
  good: string;
  marks: CommitMarks;
  /** Subject of the commit of leftovers, without `wip: `. */
  title: string;
  /** Files that the plan names: where git ignores one, that is told. */
  wanted?: readonly string[];
}

const sealedSchema = z.object({
  commit: z.string(),
  tree: z.string(),
  parent_good: z.string(),
  /** The tree differs from that of the last good commit. */
  changed: z.boolean(),
  /** Commits since the last good one. */
  commits: z.number(),
  /** Files that were not committed by the agent and are in our `wip:` commit. */
  leftovers: z.number(),
  /** HEAD was on the task's branch. Whatever it was on, it is back there now. */
  on_branch: z.boolean(),
  /** The commit descends from the last good one. */
  descends: z.boolean(),
  /** Paths with unresolved conflicts. */
  unmerged: z.array(z.string()),
  /** What no commit of this repository can hold. At most 100. */
  left_out: z.array(z.object({ path: z.string(), why: z.string() })).default([]),
  /** Files of git's that were special files, as sentences for people; they were put out of the way. */
  special: z.array(z.string()).default([]),
  /** Commits of a clone that the result does not reach, with what names them: they are kept under refs of the task. */
  elsewhere: z.array(z.object({ name: z.string(), commit: z.string() })).default([]),
});
export type Sealed = z.infer<typeof sealedSchema>;

/** What the state remembers. Earlier releases did not have every list. */
const sealRecord = z.object({
  version: z.literal(1),
  sealed: sealedSchema,
  /** False until the worktree is back on its branch: then a repeated call must finish that, and later ones must not. */
  settled: z.boolean(),
});
type SealRecord = z.infer<typeof sealRecord>;

/**
 * Call ensureWorktree first after a crash: a damaged worktree is an error here. Never loses a commit: what the result
 * does not reach is kept as refs/rasen/<task>/kept/<commit>. The files are read without the lock of the repository, so
 * that other tasks need not wait for a large one. Errors: `git`.
 */
export async function sealAttempt(
  repo: Repository,
  worktree: Pick<Worktree, 'path' | 'branch'>,
  options: SealOptions,
): Promise<Sealed> {
  const linked = await requireWorkspace(repo, worktree.path);
  const { marks } = options;
  const special = await mendAdmin(linked);
  const found = await withRepositoryLock(linked, async () => {
    await soundStore(repo, marks.task);
    const before = await sealedBefore(linked, marks);
    if (before.record?.settled && before.is_sealed) return before;
    await clearStaleLocks(repo, { ...worktree, task: marks.task }, { tree_empty: true });
    return before;
  });
  if (found.is_sealed && found.record?.settled) return found.record.sealed;
  const looked = found.written === null ? await look(linked, worktree.branch, options) : null;
  return await withRepositoryLock(linked, async () => {
    const ref = attemptRef(marks);
    let sealed: Sealed;
    let ids: string[] | null = null;
    if (looked !== null) {
      sealed = { ...looked.sealed, special: [...new Set([...special, ...looked.sealed.special])] };
      await writeSeal(repo, marks, { version: 1, sealed, settled: false } satisfies SealRecord);
      ids = await syncCommits(at(linked), { from: options.good, to: sealed.commit });
      await createRef(at(linked), ref, sealed.commit);
      for (const { commit } of looked.tips) await keepCommit(at(linked), marks.task, commit);
    } else if (found.record !== null && found.is_sealed) {
      sealed = found.record.sealed;
    } else {
      // The record is lost. What the commit itself shows is the answer; where the worktree stands is not ours to move.
      return await describe(linked, { commit: found.written!, good: options.good });
    }
    await settle(linked, worktree.branch, { task: marks.task, sealed, ids });
    const logs = ['HEAD', `refs/heads/${worktree.branch}`];
    await forgetTornEntries(linked, logs, { known: options.good, made: [sealed.commit] });
    await writeSeal(repo, marks, { version: 1, sealed, settled: true } satisfies SealRecord);
    return sealed;
  });
}

/** `written`: the commit that the ref of the attempt names. */
async function sealedBefore(linked: Workspace, marks: CommitMarks) {
  const written = await findCommit(at(linked), attemptRef(marks));
  const record = await readSeal(linked.repo, marks, sealRecord);
  const is_sealed = written !== null && (record === null || record.sealed.commit === written);
  return { written, record, is_sealed };
}

/** Makes the commit; changes nothing in the workspace. */
async function look(
  linked: Workspace,
  branch: string,
  options: SealOptions,
): Promise<{ sealed: Sealed; tips: Theirs['tips'] }> {
  const theirs = await standsOn(linked);
  const on_branch = theirs.symbolic === `refs/heads/${branch}`;
  // Without a HEAD (orphan branch, deleted branch, torn by a power cut) the work continues the branch, else the last
  // good commit.
  const head =
    (theirs.head && (await wholeCommit(linked, theirs.head, options.good))) ??
    (await wholeCommit(linked, `refs/heads/${branch}`, options.good)) ??
    options.good;
  const snapshot = await takeSnapshot(linked, head);
  const { tree, unmerged, left_out: unreadable, special } = snapshot;
  const { good, wanted = [] } = options;
  const left_out = await leftOut(linked, { place: withOwnIndex(linked), good, unreadable, wanted });
  const isLeftover = snapshot.changed > 0 || unmerged.length > 0;
  const parents = [head, ...(unmerged.length === 0 ? await mergedHere(linked) : [])];
  const commit = isLeftover ? await commitTree(linked, { tree, parents, options }) : head;
  // Work on the last good commit alone, as of an agent that does not commit, needs no look at what lies between.
  const isSimple = head === good && parents.length === 1;
  const facts = isSimple
    ? factsOf({
        commit,
        tree,
        good,
        changed: snapshot.changed > 0,
        commits: isLeftover ? 1 : 0,
        descends: true,
      })
    : await describe(linked, { commit, good });
  const leftovers = isLeftover ? snapshot.changed : 0;
  const elsewhere = [];
  for (const tip of theirs.tips) if (!(await isAncestor(at(linked), tip.commit, commit))) elsewhere.push(tip);
  const said = [...theirs.problems, ...special];
  const sealed = { ...facts, leftovers, on_branch, unmerged, left_out, special: said, elsewhere };
  return { sealed, tips: elsewhere };
}

/** The other parents of a merge that was not committed, as far as they are there. */
async function mergedHere(linked: Workspace): Promise<string[]> {
  const found = await Promise.all(mergeHeads(linked).map(id => findCommit(at(linked), id)));
  return found.filter(commit => commit !== null);
}

async function wholeCommit(linked: Workspace, rev: string, good: string): Promise<string | null> {
  if (rev === good) return good;
  const place = at(linked);
  const commit = rev.startsWith('refs/') ? await findCommit(place, rev) : rev;
  return commit !== null && (await areWhole(place, [commit], good)) ? commit : null;
}

async function commitTree(
  linked: Workspace,
  made: { tree: string; parents: string[]; options: SealOptions },
): Promise<string> {
  const { marks, title } = made.options;
  const subject = title.replace(/\s+/g, ' ').trim().slice(0, 72) || 'work left uncommitted';
  const trailers = [
    `Rasen-Task: ${marks.task}`,
    `Rasen-Subtask: ${marks.subtask}`,
    `Rasen-Attempt: ${marks.attempt}`,
  ];
  const place = at(linked);
  const { stdout } = await git(
    ['commit-tree', made.tree, ...[...new Set(made.parents)].flatMap(parent => ['-p', parent])],
    {
      ...place,
      env: { ...place.env, ...committerEnv(place) },
      input: `wip: ${subject}\n\n${trailers.join('\n')}\n`,
    },
  );
  return stdout.trim();
}

/** What the commit alone tells. */
async function describe(linked: Workspace, at_: { commit: string; good: string }): Promise<Sealed> {
  const { commit, good } = at_;
  const place = { ...at(linked), reads: true };
  const { stdout } = await git(['rev-parse', `${commit}^{tree}`, `${good}^{tree}`], place);
  const [tree = '', before = ''] = stdout.split('\n');
  const count = await git(['rev-list', '--count', '--left-right', `${good}...${commit}`], place);
  const [lacks, commits] = count.stdout.trim().split('\t').map(Number);
  return factsOf({ commit, tree, good, changed: tree !== before, commits: commits!, descends: lacks === 0 });
}

function factsOf({
  good,
  ...facts
}: Pick<Sealed, 'commit' | 'tree' | 'changed' | 'commits' | 'descends'> & { good: string }): Sealed {
  const nothing = { unmerged: [], left_out: [], special: [], elsewhere: [] };
  return { ...facts, parent_good: good, leftovers: 0, on_branch: true, ...nothing };
}

/** Puts the worktree on its branch at the sealed commit. Files stay: they are that commit's. */
async function settle(
  linked: Workspace,
  branch: string,
  { task, sealed, ids }: { task: string; sealed: Sealed; ids: readonly string[] | null },
): Promise<void> {
  const place = at(linked);
  const ref = `refs/heads/${branch}`;
  const { commit, parent_good, descends } = sealed;
  const tip = await findCommit(place, ref);
  // A power cut may have taken what is behind the tip; then it is nobody's ancestor, and nothing that could be kept.
  const reached =
    tip === null ||
    (descends && tip === parent_good) ||
    (await isAncestor(place, tip, commit).catch(() => false));
  if (!reached) await keepCommit(place, task, tip);
  await moveRef(place, ref, { from: tip, to: commit, why: 'rasen: attempt sealed' });
  await syncRef(linked.repo.refs, ref.slice('refs/'.length));
  await headTo(linked, ref);
  await endOperations(linked, task);
  if (isClone(linked)) await handOver(linked, { commit, branch: ref, ids });
  await installOwnIndex(linked, commit);
}
