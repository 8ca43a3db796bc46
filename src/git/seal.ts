/**
 * Seals an attempt: what its worktree holds becomes one named commit. Leftovers are committed as `wip:`, the commit
 * gets its ref, and the worktree is back on its branch at that commit. Used by the supervisor when the attempt's process
 * tree is empty, and again after a crash: the answer is recorded before the ref, so it is the same every time.
 */
import * as z from 'zod';
import { handOver, standsOn, type Theirs } from './carry.ts';
import { headTo, newObjects, syncObjects, syncRef } from './durable-objects.ts';
import { committerEnv } from './identity.ts';
import { leftOut } from './left-out.ts';
import { MAX_SYNCED_OBJECTS } from './limits.ts';
import { withRepositoryLock } from './lock.ts';
import { forgetTornEntries } from './mend-ref.ts';
import { endOperations, mergeHeads } from './operations.ts';
import { installOwnIndex, withOwnIndex } from './own-index.ts';
import { readSeal, writeSeal } from './records.ts';
import { areWhole, attemptRef, createRef, isAncestor, keepCommit, moveRef, moveRefs } from './refs.ts';
import { findCommit, findCommits, type Repository } from './repository.ts';
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
    const before = await sealedBefore(linked, worktree.branch, marks);
    if (before.record?.settled && before.is_sealed) return before;
    await clearStaleLocks(repo, { ...worktree, task: marks.task }, { tree_empty: true });
    return before;
  });
  if (found.is_sealed && found.record?.settled) return found.record.sealed;
  const looked =
    found.written === null ? await look(linked, worktree.branch, { ...options, tip: found.tip }) : null;
  return await withRepositoryLock(linked, async () => {
    let sealed: Sealed;
    if (looked !== null) {
      sealed = { ...looked.sealed, special: [...new Set([...special, ...looked.sealed.special])] };
      await Promise.all([
        writeSeal(repo, marks, { version: 1, sealed, settled: false } satisfies SealRecord),
        syncObjects(repo, looked.unsynced),
      ]);
    } else if (found.record !== null && found.is_sealed) {
      sealed = found.record.sealed;
    } else {
      // The record is lost. What the commit itself shows is the answer; where the worktree stands is not ours to move.
      return await describe(linked, { commit: found.written!, good: options.good });
    }
    for (const { commit } of looked?.tips ?? []) await keepCommit(at(linked), marks.task, commit);
    await nameIt(linked, worktree.branch, { marks, sealed, tip: looked && found.tip });
    await settle(linked, worktree.branch, { task: marks.task, sealed, looked });
    const logs = ['HEAD', `refs/heads/${worktree.branch}`];
    await forgetTornEntries(linked, logs, { known: options.good, made: [sealed.commit] });
    await writeSeal(repo, marks, { version: 1, sealed, settled: true } satisfies SealRecord);
    return sealed;
  });
}

/** `written`: the commit that the ref of the attempt names. `tip`: that of the branch. */
async function sealedBefore(linked: Workspace, branch: string, marks: CommitMarks) {
  const revs = [attemptRef(marks), `refs/heads/${branch}`];
  const [written = null, tip = null] = await findCommits(at(linked), revs);
  const record = await readSeal(linked.repo, marks, sealRecord);
  const is_sealed = written !== null && (record === null || record.sealed.commit === written);
  return { written, tip, record, is_sealed };
}

interface Looked {
  sealed: Sealed;
  tips: Theirs['tips'];
  /** What was found in a clone, after what is odd there was put aside. */
  theirs: Theirs;
  /** Objects of the commit that the last good one has not; null: more than are handled one by one. */
  objects: string[] | null;
  /** Those of them that may not have reached the disk. */
  unsynced: string[] | null;
}

/** Makes the commit; changes nothing in the workspace. */
async function look(
  linked: Workspace,
  branch: string,
  options: SealOptions & { tip: string | null },
): Promise<Looked> {
  // Both at once: the one asks what was committed, the other goes through the files.
  const standing = standsOn(linked, [options.tip]);
  const standing_head = standing.then(theirs => headOf(linked, branch, { theirs, good: options.good }));
  standing_head.catch(() => {});
  const snapshot = await takeSnapshot(linked, standing_head).finally(() => standing_head.catch(() => {}));
  const [theirs, head] = [await standing, await standing_head];
  const on_branch = theirs.symbolic === `refs/heads/${branch}`;
  const { tree, unmerged, left_out: unreadable, special } = snapshot;
  const { good, wanted = [] } = options;
  const isLeftover = snapshot.changed > 0 || unmerged.length > 0;
  const parents = [head, ...(unmerged.length === 0 ? await mergedHere(linked) : [])];
  const [left_out, commit] = await Promise.all([
    leftOut(linked, { place: withOwnIndex(linked), good, unreadable, wanted }),
    isLeftover ? commitTree(linked, { tree, parents, options }) : head,
    // Most of what has to reach the disk before the commit has a name.
    syncObjects(linked.repo, snapshot.objects),
  ]);
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
  const objects = isSimple
    ? [commit, ...snapshot.objects]
    : await newObjects(at(linked), { from: good, to: commit }, MAX_SYNCED_OBJECTS);
  return { sealed, tips: elsewhere, theirs, objects, unsynced: isSimple ? [commit] : objects };
}

/**
 * Without a HEAD (orphan branch, deleted branch, torn by a power cut) the work continues the branch, else the last good
 * commit.
 */
async function headOf(
  linked: Workspace,
  branch: string,
  { theirs, good }: { theirs: Theirs; good: string },
): Promise<string> {
  return (
    (theirs.head && (await wholeCommit(linked, theirs.head, good))) ??
    (await wholeCommit(linked, `refs/heads/${branch}`, good)) ??
    good
  );
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

/**
 * The commit gets the ref of its attempt, and the branch. `tip`: what the branch named when it was looked at, where that is
 * known; mostly it is what the attempt began with, and both are made at once.
 */
async function nameIt(
  linked: Workspace,
  branch: string,
  { marks, sealed, tip }: { marks: CommitMarks; sealed: Sealed; tip: string | null },
): Promise<void> {
  const place = at(linked);
  const ref = `refs/heads/${branch}`;
  const { commit, parent_good, descends } = sealed;
  const why = 'rasen: attempt sealed';
  if (descends && tip === parent_good && commit !== tip) {
    const both = [
      { ref: attemptRef(marks), from: null, to: commit },
      { ref, from: tip, to: commit },
    ];
    if (await moveRefs(place, both, why)) return;
  }
  await createRef(place, attemptRef(marks), commit);
  const now = await findCommit(place, ref);
  // A power cut may have taken what is behind the tip; then it is nobody's ancestor, and nothing that could be kept.
  const reached =
    now === null ||
    (descends && now === parent_good) ||
    (await isAncestor(place, now, commit).catch(() => false));
  if (!reached) await keepCommit(place, marks.task, now);
  await moveRef(place, ref, { from: now, to: commit, why });
}

/** Puts the worktree on its branch at the sealed commit. Files stay: they are that commit's. */
async function settle(
  linked: Workspace,
  branch: string,
  { task, sealed, looked }: { task: string; sealed: Sealed; looked: Looked | null },
): Promise<void> {
  const ref = `refs/heads/${branch}`;
  const { commit, parent_good: base } = sealed;
  await syncRef(linked.repo.refs, ref.slice('refs/'.length));
  await headTo(linked, ref);
  await endOperations(linked, task);
  if (isClone(linked)) {
    const added = looked?.objects ? { base, ids: looked.objects } : null;
    await handOver(linked, { commit, branch: ref, added, theirs: looked?.theirs ?? null });
  }
  await installOwnIndex(linked, commit);
}
