/**
 * Copies of programs that must still be there when the installation has moved: of a unit that was started yesterday,
 * `npm install` may have taken the folder away when it ends today. Named by their content, so that every version has its
 * own; looked at before each use, since whatever runs as the same user could change them.
 */
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, RasenError } from '../../errors.ts';
import { syncDirectory, writeSynced } from '../durable.ts';
import { readSmall } from '../small-file.ts';

/** Path of the copy in the folder, which is made as needed. Throws `storage`. */
export async function keptCopy(folder: string, name: string, text: string): Promise<string> {
  const sha256 = createHash('sha256').update(text).digest('hex');
  const path = join(folder, `${sha256.slice(0, 16)}-${name}`);
  if (readSmall(path, Buffer.byteLength(text))?.text === text) return path;
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeSynced(draft, text);
    await chmod(draft, 0o400);
    await rename(draft, path);
    await syncDirectory(folder);
  } catch (error) {
    throw new RasenError('storage', `The copy ${path} could not be written: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  return path;
}
