/**
 * env.json: the environment that was captured at submit, mode 0600 and sealed; may hold secrets. Written again when a
 * person resumes with other credentials: the values before stay in it, since older output may show them.
 */
import { join } from 'node:path';
import { messageOf, RasenError } from '../../contract/errors.ts';
import type { CapturedEnv } from '../store.ts';
import { isPassing } from './damage.ts';
import { ENV_FILE } from './layout.ts';
import { seal, unseal } from './seal.ts';
import type { TaskSource } from './source.ts';

/** Values before that are remembered of one variable. */
const BEFORE_MAX = 8;

export function encodeEnv({ env, before }: CapturedEnv): string {
  return `${seal({ env, ...(Object.keys(before).length > 0 ? { before } : {}) })}\n`;
}

/** With these values in the place of others. */
export function changedEnv({ env, before }: CapturedEnv, changes: Record<string, string>): CapturedEnv {
  const former = { ...before };
  for (const name of Object.keys(changes)) {
    const value = env[name];
    if (value === undefined || value === changes[name]) continue;
    former[name] = [value, ...(before[name] ?? []).filter(known => known !== value)].slice(0, BEFORE_MAX);
  }
  return { env: { ...env, ...changes }, before: former };
}

/** Throws `damaged`; without it a command would run in another environment than was asked for. */
export function readEnv(files: TaskSource): CapturedEnv {
  const hint = 'The task cannot go on without it. Cancel it and submit it again.';
  const path = join(files.folder, ENV_FILE);
  let data: Buffer;
  try {
    data = files.read(ENV_FILE);
  } catch (error) {
    const kind = isPassing(error) ? 'storage' : 'damaged';
    throw new RasenError(kind, `${path} cannot be read: ${messageOf(error)}`, { hint, cause: error });
  }
  const found = data.at(-1) === 10 ? unseal(data.subarray(0, -1)) : null;
  if (!found?.env) throw new RasenError('damaged', `${path} is not what was written`, { hint });
  const { env, before = {} } = found as { env: CapturedEnv['env']; before?: CapturedEnv['before'] };
  return { env, before };
}
