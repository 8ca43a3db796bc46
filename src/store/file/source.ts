/** Where the files of one task are read from: its folder, or the one file that it was packed into. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { RasenError } from '../../contract/errors.ts';
import { MAX_DOCUMENT_BYTES, MAX_FILE_BYTES, readWhole } from './file.ts';
import { JOURNAL_FILE } from './layout.ts';

export interface TaskSource {
  /** For messages: what the files are in. */
  folder: string;
  /** The bytes of a file by its name. Throws `damaged`, or the error of the system (ENOENT where there is none). */
  read(name: string): Buffer;
}

/** Throws `damaged` where it is no folder of its own (a link, a file). */
export function folderSource(folder: string): TaskSource {
  if (!lstatSync(folder).isDirectory()) throw new RasenError('damaged', `${folder} is not a folder`);
  return {
    folder,
    read: name => readWhole(join(folder, name), name === JOURNAL_FILE ? MAX_FILE_BYTES : MAX_DOCUMENT_BYTES),
  };
}
