/**
 * Loose objects that a power cut left without their content. git by default leaves them to the disk's write-back, and it
 * neither reads such a file nor writes the object anew, since its name is taken: the same work, done again after the
 * cut, would be torn again. Used before anything relies on a repository (worktree.ts, merge.ts) or a clone (carry.ts).
 */
import { constants, createReadStream } from 'node:fs';
import { lstat, readdir, rename } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflate } from 'node:zlib';
import { openForeign } from '../host/foreign-file.ts';
import { MAX_LOOSE_OBJECTS, MAX_SYNCED_OBJECTS, TORN_OBJECT_MS } from './limits.ts';
import type { Repository } from './repository.ts';
import { brokenPlace } from './sound.ts';

/** Folders of objects that were looked at. Once in the life of a supervisor will do: after a power cut there is a new one. */
const mended = new Set<string>();

/** They were made in the life of this supervisor. */
export const newObjectsAt = (objects: string): void => void mended.add(objects);

/**
 * Moves torn objects out of git's sight, to <common dir>/rasen/broken/, so that git can write them again. git puts an
 * object in its place only when it is complete, so what is torn there stays torn: nobody is writing it.
 */
export async function mendObjects(repo: Pick<Repository, 'common_dir' | 'objects'>): Promise<void> {
  const { objects } = repo;
  if (mended.has(objects)) return;
  for (const { path, id, mtimeMs } of await tornObjects(objects)) {
    // In a shared repository it may be another user's to move; git says so when it needs the object.
    await rename(path, await brokenPlace(repo, `object-${id}-${mtimeMs}`)).catch(() => {});
  }
  mended.add(objects);
}

interface Loose {
  path: string;
  id: string;
  size: number;
  mtimeMs: number;
}

async function tornObjects(folder: string): Promise<Loose[]> {
  const loose = await looseObjects(folder);
  const since = Date.now() - TORN_OBJECT_MS;
  const torn = loose.filter(object => object.size === 0);
  const suspects = loose.filter(object => object.size > 0 && object.mtimeMs > since);
  for (const object of suspects.slice(0, MAX_SYNCED_OBJECTS)) {
    if (!(await inflates(folder, object.path))) torn.push(object);
  }
  return torn;
}

async function looseObjects(folder: string): Promise<Loose[]> {
  const found: Loose[] = [];
  for (const fan of await readdir(folder).catch(() => [])) {
    if (!/^[0-9a-f]{2}$/.test(fan)) continue;
    for (const name of await readdir(join(folder, fan)).catch(() => [])) {
      if (!/^([0-9a-f]{38}|[0-9a-f]{62})$/.test(name)) continue;
      if (found.length >= MAX_LOOSE_OBJECTS) return found;
      const path = join(folder, fan, name);
      // A `git gc` may pack it meanwhile.
      const seen = await lstat(path).catch(() => null);
      // A special file is no object, and git would wait for it. A link may lead to one, and holds nothing itself.
      if (seen)
        found.push({ path, id: fan + name, size: seen.isFile() ? seen.size : 0, mtimeMs: seen.mtimeMs });
    }
  }
  return found;
}

/** The stream carries a checksum of its own. What cannot be read at all is not known to be torn. */
async function inflates(root: string, path: string): Promise<boolean> {
  const opened = openForeign({ root, path: relative(root, path) }, constants.O_RDONLY);
  if (!opened.ok) return true;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    await pipeline(createReadStream('', { fd: opened.value.fd }), createInflate(), nowhere);
    return true;
  } catch (error) {
    return !String((error as { code?: unknown }).code).startsWith('Z_');
  }
}
