/** Reads a small file that holds a secret, and refuses one that others can read: then it is none. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errnoOf, messageOf } from '../contract/errors.ts';
import { SECRET_BYTES_MAX } from './limits.ts';
import { Unresolved } from './unresolved.ts';

/**
 * `system`: a file of root may have any mode: what the system mounts (/run/secrets) cannot be changed by its user.
 * `no`: it must be ours and nobody else's.
 */
export async function readPrivate(path: string, { system }: { system: 'ok' | 'no' }): Promise<string> {
  let file: FileHandle;
  try {
    // A link is followed, since mounted secrets are links; a pipe is not waited for.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT')
      throw new Unresolved(`there is no file ${path}`, `Write it, with mode 0600.`);
    throw new Unresolved(
      `${path} cannot be opened (${errnoOf(error) ?? messageOf(error)})`,
      `Make it a file of yours, with mode 0600.`,
    );
  }
  try {
    const stat = await file.stat();
    const { mode, uid, size } = stat;
    if (!stat.isFile()) throw new Unresolved(`${path} is not a file`, 'Name a file.');
    const root = uid === 0 && uid !== process.getuid?.() && system === 'ok';
    if (!root && uid !== process.getuid?.())
      throw new Unresolved(`${path} belongs to another user`, 'Make it a file of yours, with mode 0600.');
    if (!root && (mode & 0o077) !== 0)
      throw new Unresolved(`${path} can be read or written by others`, `Take that away: chmod 600 ${path}`);
    if (size > SECRET_BYTES_MAX)
      throw new Unresolved(
        `${path} is larger than ${SECRET_BYTES_MAX} bytes`,
        'Name the file of the secret.',
      );
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
