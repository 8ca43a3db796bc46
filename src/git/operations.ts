/**
 * What an interrupted merge, rebase, cherry-pick or bisect leaves in a linked worktree. The next attempt must not find
 * it; what it alone refers to is kept as a commit of the task first. Used when an attempt is sealed or reset.
 */
import { join } from 'node:path';
import { readForeign, untroubled } from '../host/foreign-file.ts';
import { removeTree } from '../host/remove-tree.ts';
import { MAX_SMALL_BYTES } from './limits.ts';
import { keepCommit } from './refs.ts';
import { findCommit } from './repository.ts';
import { at, type Workspace } from './workspace.ts';

const FILES = [
  'MERGE_HEAD',
  'MERGE_MSG',
  'MERGE_MODE',
  'MERGE_RR',
  'MERGE_AUTOSTASH',
  'CHERRY_PICK_HEAD',
  'REVERT_HEAD',
  'SQUASH_MSG',
  'AUTO_MERGE',
  'REBASE_HEAD',
  'BISECT_LOG',
  'BISECT_START',
  'BISECT_NAMES',
  'BISECT_TERMS',
  'BISECT_RUN',
  'BISECT_EXPECTED_REV',
  'BISECT_ANCESTORS_OK',
];
const FOLDERS = ['rebase-merge', 'rebase-apply', 'sequencer'];
const STASHES = ['MERGE_AUTOSTASH', 'rebase-merge/autostash', 'rebase-apply/autostash'];

export async function endOperations(linked: Workspace, task: string): Promise<void> {
  for (const name of STASHES) {
    const stash = small(linked, name);
    const commit = /^[0-9a-f]{40,64}$/.test(stash) ? await findCommit(at(linked), stash) : null;
    if (commit !== null) await keepCommit(at(linked), task, commit);
  }
  for (const folder of new Set([linked.theirs, linked.admin]))
    for (const name of [...FILES, ...FOLDERS]) await removeTree(join(folder, name));
}

/** The other parents of a merge whose conflicts are resolved but which was not committed. */
export function mergeHeads(linked: Workspace): string[] {
  return small(linked, 'MERGE_HEAD')
    .split('\n')
    .filter(line => /^[0-9a-f]{40,64}$/.test(line));
}

/** A file of one or a few ids; empty where there is none that git could have written. */
function small(linked: Workspace, path: string): string {
  const place = { root: linked.theirs, path };
  const found = untroubled(place, readForeign(place, MAX_SMALL_BYTES));
  return found.ok ? found.value.bytes.toString('utf8').trim() : '';
}
