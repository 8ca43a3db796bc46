/** env.json: the environment that was captured at submit, mode 0600 and sealed. Written once; may hold secrets. */
import { join } from 'node:path';
import { messageOf, RasenError } from '../contract/errors.ts';
import { isPassing } from './damage.ts';
import { ENV_FILE } from './layout.ts';
import { seal, unseal } from './seal.ts';
import type { TaskSource } from './source.ts';

export function encodeEnv(env: Record<string, string>): string {
  return `${seal({ env })}\n`;
}

/** Throws `damaged`; without it a command would run in another environment than was asked for. */
export function readEnv(files: TaskSource): Record<string, string> {
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
  return found.env as Record<string, string>;
}
