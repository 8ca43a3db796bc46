/**
 * What an interrupted merge, rebase, cherry-pick or bisect leaves in a linked worktree. The next attempt must not find
 * it; what it alone refers to is kept as a commit of the task first. Used when an attempt is sealed or reset.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from './durable.ts';
import { at, type Linked } from './linked.ts';
import { keepCommit } from './refs.ts';
import { findCommit } from './repository.ts';

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

export async function endOperations(linked: Linked, task: string): Promise<void> {
  for (const name of STASHES) {
    const stash = (await readFile(join(linked.admin, name), 'utf8').catch(() => '')).trim();
    const commit = stash === '' ? null : await findCommit(linked.path, stash, at(linked).env);
    if (commit !== null) await keepCommit(at(linked), task, commit);
  }
  for (const name of FILES) await rm(join(linked.admin, name), { force: true });
  for (const name of FOLDERS) await removeTree(join(linked.admin, name));
}

/** The other parents of a merge whose conflicts are resolved but which was not committed. */
export async function mergeHeads(linked: Linked): Promise<string[]> {
  const text = await readFile(join(linked.admin, 'MERGE_HEAD'), 'utf8').catch(() => '');
  return text.split('\n').filter(line => /^[0-9a-f]{40,64}$/.test(line));
}
