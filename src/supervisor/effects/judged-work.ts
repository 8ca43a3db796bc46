/**
 * What a judge looks at must be what was judged. Its checkout is its own and cannot be written; here the work itself is
 * looked after: how it stood before the judge began is written beside its job, and after its end it is compared and put
 * right. A judge that touched it has judged something else, and that is no verdict.
 */
import { isRasenError, messageOf } from '../../contract/errors.ts';
import type { TaskState } from '../../engine/state.ts';
import { putRight, type Standing, standingOf } from '../../git/standing.ts';
import { readForeign, replaceForeign, untroubled } from '../../host/foreign-file.ts';
import { placeIn, storage } from '../../runner/small-file.ts';
import type { EffectContext } from './context.ts';
import { repositoryOf, worktreeOf } from './repository.ts';

const FILE = 'judged.json';
const MAX_BYTES = 4 * 1024 * 1024;

/** Before the job is started; again is harmless as long as it was not. */
export async function rememberWork(context: EffectContext, state: TaskState, folder: string): Promise<void> {
  const worktree = worktreeOf(state);
  if (state.spec.workspace.kind !== 'git') return;
  const standing = worktree && (await standingOf(await repositoryOf(context, state), worktree));
  const place = placeIn(folder, FILE);
  const written = replaceForeign(place, JSON.stringify(standing));
  if (!written.ok) throw storage('to write down how the work stands', place, written);
}

/**
 * Why the verdict of the judge does not count, or null. A project that is not there any more keeps no judge from being
 * ended: who cannot be checked has given no verdict.
 */
export async function putWorkRight(
  context: EffectContext,
  state: TaskState,
  folder: string,
): Promise<string | null> {
  const before = remembered(folder);
  const worktree = worktreeOf(state);
  if (before === null || worktree === null) return null;
  let changed: string[];
  try {
    changed = await putRight(await repositoryOf(context, state), worktree, before);
  } catch (error) {
    if (isRasenError(error) && error.kind === 'storage') throw error;
    return `what it judged could not be looked at: ${messageOf(error)}`;
  }
  return changed.length === 0
    ? null
    : `it changed what it had to judge (${changed.join(', ')}), which was put back`;
}

/** null: it was never started, or a power cut took the file; then its job is done again anyway. */
function remembered(folder: string): Standing | null {
  const place = placeIn(folder, FILE);
  const read = untroubled(place, readForeign(place, MAX_BYTES));
  try {
    return read.ok ? (JSON.parse(read.value.bytes.toString('utf8')) as Standing | null) : null;
  } catch {
    return null;
  }
}
