/**
 * The files of an installation on disk: compared, written so that a power cut right afterwards loses nothing, put back
 * and removed. Used by the managers in systemd/ and launchd/; what is in the files is theirs.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errnoOf, messageOf, RasenError } from '../contract/errors.ts';
import type { ServiceFile } from './service.ts';
import type { Undo } from './undo.ts';

/** Stands in every file that we make and own; a file of that name without it is somebody else's. */
export const MARK = 'rasen service install';

/** Whether anything has this name, a link to nowhere too. */
export function isTaken(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Whether a file is behind this name, by links too. A link to /dev/null is none: it masks a unit. */
export function isFileAt(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}

/**
 * The text behind this name, for questions: links of those who keep such files elsewhere (stow, home-manager) are
 * followed. Null where no file is.
 */
export function seenAt(path: string): string | null {
  return isFileAt(path) ? readText(path) : null;
}

/** A plain file with our mark; everything else is somebody else's to remove. */
export function isOurs(path: string): boolean {
  const plain = lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
  return plain && readText(path).includes(MARK);
}

/**
 * The text of a plain file, for what is to be written; null where there is none. Throws `service` for anything else of
 * that name.
 */
export function textAt(path: string): string | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return null;
  if (!stat.isFile()) {
    const what = stat.isSymbolicLink() ? 'a symbolic link (a masked unit is one, too)' : 'not a plain file';
    throw new RasenError('service', `${path} is ${what}.`, {
      hint: 'Look what it is, and move it away.',
      data: { path },
    });
  }
  return readText(path);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new RasenError('service', `${path} cannot be read: ${messageOf(error)}.`, { cause: error });
  }
}

/** Those that are not on disk as they have to be. Throws `service` for one of them that somebody else made. */
export function differing(files: readonly ServiceFile[]): ServiceFile[] {
  return files.filter(({ path, text, mode, shared }) => {
    if (isRightLink(path, text)) return false;
    const there = textAt(path);
    if (there !== null && there !== '' && !shared && !there.includes(MARK))
      throw new RasenError('service', `${path} was not written by rasen.`, {
        hint: 'Move it away; what is of use in it belongs into a drop-in folder beside it.',
        data: { path },
      });
    return there !== text || (lstatSync(path).mode & 0o777) !== mode;
  });
}

/** Nothing is to be written through a link; and nothing has to be when it leads to the very text. */
function isRightLink(path: string, text: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true && seenAt(path) === text;
}

/** Writes them and the folders they need, durably; gives the folders that were made. */
export function writeFiles(files: readonly ServiceFile[], undo: Undo): string[] {
  const made: string[] = [];
  for (const file of files) {
    const before = textAt(file.path);
    const mode = before === null ? file.mode : lstatSync(file.path).mode & 0o777;
    try {
      made.push(...makeFolder(dirname(file.path), undo));
      writeDurable(file);
    } catch (error) {
      throw new RasenError('service', `${file.path} cannot be written: ${messageOf(error)}.`, {
        cause: error,
      });
    }
    undo.add(file.path, () =>
      before === null ? void removeFile(file.path) : writeDurable({ ...file, text: before, mode }),
    );
  }
  return made;
}

/** False when there was none. */
export function removeFile(path: string): boolean {
  try {
    rmSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  syncFolder(dirname(path));
  return true;
}

/** Removes a folder that we made, if nothing else has come into it. */
export function removeEmptyFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) return;
    throw error;
  }
  syncFolder(dirname(path));
}

/** The folders that had to be made, outermost first; each is durable in the one above it. */
export function makeFolder(path: string, undo: Undo): string[] {
  if (lstatSync(path, { throwIfNoEntry: false })) return [];
  const above = makeFolder(dirname(path), undo);
  mkdirSync(path);
  undo.add(path, () => removeEmptyFolder(path));
  syncFolder(dirname(path));
  return [...above, path];
}

function writeDurable({ path, text, mode }: ServiceFile): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`);
  try {
    const fd = openSync(temporary, 'w', mode);
    try {
      writeFileSync(fd, text);
      chmodSync(temporary, mode);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
