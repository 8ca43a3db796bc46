/**
 * Documents: whole files that are replaced at once. Written through write-file-atomic, then the folder is synced, so
 * that a reader after a power cut finds the old text or the new one and never half of either.
 */
import { linkSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { errnoOf } from '../../contract/errors.ts';
import { storageError, syncFolder } from './file.ts';
import { previousOf } from './layout.ts';

/**
 * Node ignores SIGXFSZ, so that a write beyond a file size limit is an error. The package takes the signal while it
 * writes and leaves it at the system's default, which ends the process; with a listener of our own it stays harmless.
 */
process.on('SIGXFSZ', () => {});

export interface DocumentOptions {
  mode?: number;
  /** Keep the text before as `<path>.prev`. */
  keepPrevious?: boolean;
}

/** Throws `storage`; the text before is then still there, under its name or as `.prev`. */
export async function writeDocument(
  path: string,
  text: string,
  options: DocumentOptions = {},
): Promise<void> {
  try {
    const kept = options.keepPrevious === true && keepPrevious(path);
    await writeFileAtomic(path, text, { mode: options.mode ?? 0o600 });
    refuseShort(path, Buffer.byteLength(text), kept);
    syncFolder(dirname(path));
  } catch (error) {
    throw storageError(path, error);
  }
}

/** The package asks the system to write once, and takes a part for the whole when the disk is full. */
function refuseShort(path: string, bytes: number, kept: boolean): void {
  const { size } = statSync(path);
  if (size === bytes) return;
  if (kept) renameSync(previousOf(path), path);
  else rmSync(path);
  throw Object.assign(new Error(`ENOSPC: ${size} of ${bytes} bytes were written`), { code: 'ENOSPC' });
}

/** false: there is nothing to keep. */
function keepPrevious(path: string): boolean {
  const staged = `${previousOf(path)}.new`;
  rmSync(staged, { force: true });
  try {
    linkSync(path, staged);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  renameSync(staged, previousOf(path));
  return true;
}
