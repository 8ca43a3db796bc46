/** Tells whether a program is still the one that it was: device, inode, size and time of the first of some paths. */
import { statSync } from 'node:fs';

/** null: none of them is a file that can be looked at. */
export function stampOf(paths: readonly string[]): string | null {
  for (const path of paths) {
    try {
      const found = statSync(path);
      if (found.isFile()) return [found.dev, found.ino, found.size, found.mtimeMs].join(':');
    } catch {
      // The next one.
    }
  }
  return null;
}
