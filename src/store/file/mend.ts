/** Files of a task that somebody else has changed, put back as they were acknowledged (copies.ts). */
import { chmodSync, lstatSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../contract/errors.ts';
import { syncFolder, writeDurable } from './file.ts';
import { isAltered } from './journal.ts';
import { isThere } from './place.ts';
import type { Quarantine } from './quarantine.ts';
import { folderSource, type TaskSource } from './source.ts';

/** What an append meets where somebody else has changed, moved or closed what it appends to. */
const CHANGED: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP']);
export const wasChanged = (error: unknown): boolean => isAltered(error) || CHANGED.has(errnoOf(error) ?? '');

/** A task's files out of its copy, and what that does not have from its folder. */
export const copySource = (copy: ReadonlyMap<string, Buffer>, folder: string): TaskSource => ({
  folder,
  read: name => copy.get(name) ?? folderSource(folder).read(name),
});

/** Writes again what is not as it was; gives where the others' files were moved to. */
export function putBack(
  id: string,
  folder: string,
  copy: ReadonlyMap<string, Buffer>,
  quarantine: Quarantine,
): string[] {
  const moved_to: string[] = [];
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (stat?.isDirectory()) chmodSync(folder, 0o700);
  else {
    if (stat) moved_to.push(quarantine.move(folder, `${id}.folder`));
    mkdirSync(folder, { mode: 0o700 });
    syncFolder(dirname(folder));
  }
  const source = folderSource(folder);
  for (const [name, data] of copy) {
    const path = join(folder, name);
    if (isSame(source, name, data)) continue;
    if (isThere(path)) moved_to.push(quarantine.move(path, `${id}.${name}`));
    writeDurable(`${path}.new`, data);
    renameSync(`${path}.new`, path);
  }
  syncFolder(folder);
  return moved_to;
}

function isSame(source: TaskSource, name: string, data: Buffer): boolean {
  try {
    return source.read(name).equals(data);
  } catch {
    return false;
  }
}

/** A source that keeps what is read of it in `seen`. */
export function remembering(source: TaskSource, seen: Map<string, Buffer>): TaskSource {
  return {
    folder: source.folder,
    read: name => {
      const data = source.read(name);
      seen.set(name, data);
      return data;
    },
  };
}

export function readInto(source: TaskSource, name: string, seen: Map<string, Buffer>): void {
  try {
    seen.set(name, source.read(name));
  } catch {
    // `check` names it.
  }
}
