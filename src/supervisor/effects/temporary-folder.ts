/**
 * Where a job puts its temporary files, its alone: two attempts are not in each other's way, and all of it is cleared
 * away after the end. Not among the state: its path must be short enough for a socket.
 */
import { mkdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { errnoOf } from '../../contract/errors.ts';
import type { TaskState } from '../../engine/state.ts';
import { tryToRemove } from '../../host/remove-tree.ts';
import { capturedEnv, type EffectContext } from './context.ts';

/** Where the user's own is no absolute path, or cannot be written any more. */
const USUAL = '/tmp';

function placesOf(context: Pick<EffectContext, 'store'>, state: TaskState, nonce: string): string[] {
  const own = state.spec.env.TMPDIR ?? capturedEnv(context, state).TMPDIR;
  const bases = own !== undefined && isAbsolute(own) && own !== USUAL ? [own, USUAL] : [USUAL];
  return bases.map(base => join(base, `rasen-${nonce}`));
}

/** Its path. Repeatable. */
export function madeTemporaryFolder(
  context: Pick<EffectContext, 'store'>,
  state: TaskState,
  nonce: string,
): string {
  const [own, usual] = placesOf(context, state, nonce);
  if (usual === undefined) return made(own!);
  try {
    return made(own!);
  } catch {
    return made(usual);
  }
}

/** Its parent has to be there: made recursively, a folder where none can be is tried for ever (below /proc). */
function made(path: string): string {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
  return path;
}

/** For when no process of the job is left, nor its door needed. What cannot be removed stays, and is told in the log. */
export async function clearTemporaryFolder(
  context: Pick<EffectContext, 'store' | 'log' | 'doors'>,
  state: TaskState,
  nonce: string,
): Promise<void> {
  await context.doors.shut(nonce);
  for (const path of placesOf(context, state, nonce)) {
    const problem = await tryToRemove(path);
    if (problem !== null) context.log.warn({ task: state.id, path }, `a temporary folder stays: ${problem}`);
  }
}
