/** Whose configuration counts in a folder, whatever is started there. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const MARKS = ['rasen.yml', join('.rasen', 'config.yaml'), join('.rasen', 'task.json')];

/**
 * The nearest folder with a configuration or a task: this one, or one above it in the same working tree. Without one: the
 * top of the working tree, or outside of git this folder. Nothing above is looked at where the owner changes or everybody
 * may write: what another user puts into /tmp decides nothing here.
 */
export function configFolder(cwd: string): string {
  const start = resolve(cwd);
  const owner = statSync(start, { throwIfNoEntry: false })?.uid;
  for (let folder = start; folder === start || isOwn(folder, owner); folder = dirname(folder)) {
    if (MARKS.some(mark => existsSync(join(folder, mark))) || existsSync(join(folder, '.git'))) return folder;
    if (folder === dirname(folder)) break;
  }
  return start;
}

const EVERYBODY_WRITES = 0o002;

function isOwn(folder: string, owner: number | undefined): boolean {
  const stat = statSync(folder, { throwIfNoEntry: false });
  return stat !== undefined && stat.uid === owner && (stat.mode & EVERYBODY_WRITES) === 0;
}
