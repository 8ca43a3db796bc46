/**
 * The objects of one repository in another one, without a byte of them being copied where the file system allows: as
 * copies that share their blocks, else as hard links. git never writes into an object or a pack that is there, and never
 * alternates: what a `git gc` of the user removes there stays here. Indexes over several packs are left out; git does
 * without, and one that names a pack that is gone is damage.
 */
import { constants } from 'node:fs';
import { copyFile, link, lstat, mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../contract/errors.ts';
import { LINKED_AT_ONCE, MAX_PACK_LOOKS } from './limits.ts';

const PACK = /^pack-[0-9a-f]{40,64}\.(?:pack|idx|rev|promisor)$/;
const LOOSE = /^(?:[0-9a-f]{38}|[0-9a-f]{62})$/;

/** Both are folders of objects; `to` is there. What the user's git packs or removes meanwhile is looked for again. */
export async function linkObjects(from: string, to: string): Promise<void> {
  const place = placer();
  for (const fan of await namesIn(from)) {
    if (!/^[0-9a-f]{2}$/.test(fan)) continue;
    const names = (await namesIn(join(from, fan))).filter(name => LOOSE.test(name));
    if (names.length === 0) continue;
    await mkdir(join(to, fan), { recursive: true });
    await all(names, name => place(join(from, fan, name), join(to, fan, name)));
  }
  // Packs come last: git makes a pack before it removes what is in it.
  await mkdir(join(to, 'pack'), { recursive: true });
  await mkdir(join(to, 'info'), { recursive: true });
  let seen = '';
  for (let look = 0; look < MAX_PACK_LOOKS; look += 1) {
    const names = (await namesIn(join(from, 'pack'))).filter(name => PACK.test(name)).sort();
    if (names.join() === seen) return;
    seen = names.join();
    await all(names, name => place(join(from, 'pack', name), join(to, 'pack', name)));
  }
}

type Way = 'clone' | 'link' | 'copy';

/**
 * Objects in files of their own, by their paths below the folder of the objects. The result: whether all of them are in
 * `to` now; what is packed in `from` may not be.
 */
export async function linkLoose(from: string, to: string, files: readonly string[]): Promise<boolean> {
  const place = placer();
  const folders = [...new Set(files.map(dirname))];
  await all(folders, folder => mkdir(join(to, folder), { recursive: true }));
  let is_all = true;
  await all(files, async file => {
    const target = join(to, file);
    if (!(await place(join(from, file), target)) && (await lstat(target).catch(() => null)) === null)
      is_all = false;
  });
  return is_all;
}

/** Which of the ways works is found with the first file. False: it is not there to be had. */
function placer(): (from: string, to: string) => Promise<boolean> {
  let ways: Way[] = ['clone', 'link', 'copy'];
  return async (from, to) => {
    for (const way of ways) {
      try {
        await act(way, from, to);
        return true;
      } catch (error) {
        const code = errnoOf(error);
        if (code === 'EEXIST') return true;
        // It was packed, or removed, since it was listed.
        if (code === 'ENOENT') return false;
        if (way === 'copy') throw error;
        ways = ways.filter(other => other !== way);
      }
    }
    return false;
  };
}

function act(way: Way, from: string, to: string): Promise<void> {
  if (way === 'link') return link(from, to);
  const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = constants;
  return copyFile(from, to, way === 'clone' ? COPYFILE_EXCL | COPYFILE_FICLONE_FORCE : COPYFILE_EXCL);
}

async function all(names: readonly string[], act: (name: string) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < names.length; i += LINKED_AT_ONCE)
    await Promise.all(names.slice(i, i + LINKED_AT_ONCE).map(act));
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(error => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
}
