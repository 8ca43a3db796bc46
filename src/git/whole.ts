/**
 * Which commit a clone is known to have with all that belongs to it, without reading it all again before and after each
 * attempt: what was looked into once is whole as long as no object of the store has gone and no pack was replaced. Nothing is told
 * a later supervisor, which looks anew: a power cut may have torn what was there.
 */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../contract/errors.ts';
import { MAX_KNOWN_OBJECTS, MAX_KNOWN_STORES } from './limits.ts';

interface Known {
  commit: string;
  files: ReadonlySet<string>;
}
const stores = new Map<string, Known>();

/** Commits that refs of the user's named when the clone was first looked into: what an agent has of them is no work. */
const users = new Map<string, ReadonlySet<string>>();

export const knownTips = (objects: string): ReadonlySet<string> | null => users.get(objects) ?? null;
export function knowTips(objects: string, ids: ReadonlySet<string>): void {
  keepNewest(users, objects, ids);
}

/** Another clone is at this place now. */
export function forgetStore(objects: string): void {
  for (const known of [stores, users]) known.delete(objects);
}

/** What a folder of objects holds: loose objects by id, packs with what tells that they are the same. null: too much. */
export async function filesOf(objects: string): Promise<Set<string> | null> {
  const found = new Set<string>();
  const names = await namesIn(objects);
  const fans = names.filter(name => /^[0-9a-f]{2}$/.test(name));
  const listed = await Promise.all(fans.map(fan => namesIn(join(objects, fan))));
  for (const [i, fan] of fans.entries()) for (const name of listed[i]!) found.add(fan + name);
  for (const name of (await namesIn(join(objects, 'pack'))).filter(name => /\.(?:pack|idx)$/.test(name))) {
    const stat = await lstat(join(objects, 'pack', name)).catch(() => null);
    found.add(`${name} ${stat?.ino} ${stat?.size} ${stat?.mtimeMs}`);
  }
  return found.size > MAX_KNOWN_OBJECTS ? null : found;
}

/** `files`: what the store holds now. */
export function isKnownWhole(objects: string, commit: string, files: ReadonlySet<string> | null): boolean {
  const known = stores.get(objects);
  if (known === undefined || files === null || known.commit !== commit) return false;
  for (const file of known.files) if (!files.has(file)) return false;
  return true;
}

/** Somebody has looked; or what it adds to a known one was put there. */
export function knowWhole(objects: string, commit: string, files: ReadonlySet<string> | null): void {
  if (files === null) stores.delete(objects);
  else keepNewest(stores, objects, { commit, files });
}

function keepNewest<T>(all: Map<string, T>, key: string, value: T): void {
  all.delete(key);
  all.set(key, value);
  if (all.size > MAX_KNOWN_STORES) all.delete(all.keys().next().value!);
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(error => {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return [];
    throw error;
  });
}
