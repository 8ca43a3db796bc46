/**
 * Copies of programs that must still be there when the installation has moved: of a unit that was started yesterday,
 * `npm install` may have taken the folder away when it ends today. Named by their content, so that every version has its
 * own; looked at before each use, since whatever runs as the same user could change them.
 */
import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { keepFolder, replaceForeign } from '../../host/foreign-file.ts';
import { syncDirectory } from '../durable.ts';
import { readSmall, storage } from '../small-file.ts';

/** Path of the copy in the folder, which is made as needed. Throws `storage`. */
export async function keptCopy(folder: string, name: string, text: string): Promise<string> {
  const sha256 = createHash('sha256').update(text).digest('hex');
  const place = { root: folder, path: `${sha256.slice(0, 16)}-${name}` };
  const path = join(place.root, place.path);
  if (readSmall(path, Buffer.byteLength(text))?.text === text) return path;
  const made = keepFolder({ root: dirname(folder), path: basename(folder) });
  if (!made.ok) throw storage('to make the folder of copies', place, made);
  const written = replaceForeign(place, text, { mode: 0o400, sync: true });
  if (!written.ok) throw storage('to keep a copy of a program', place, written);
  await syncDirectory(folder);
  return path;
}
