/** Whether a path is a folder or below it, by their names alone: both physical, absolute and without `..`. Pure. */
import { sep } from 'node:path';

export function isBelow(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}
