/** A folder with those above it. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../contract/errors.ts';

/**
 * As `mkdir -p`, with the errors of the folder that cannot be made: Node's own `recursive` calls a read-only file system
 * ENOENT, and never returns in /proc. `path`: absolute. Throws the error of the system.
 */
export function makeFolder(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' && !isFolder(dirname(path))) {
      makeFolder(dirname(path), mode);
      mkdirSync(path, { mode });
      return;
    }
    // EROFS and EACCES of one that is there, too.
    if (!isFolder(path)) throw error;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
