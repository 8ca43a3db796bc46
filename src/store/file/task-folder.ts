/** The folder of a task as a list of files: collected to be packed, laid out again when it is unpacked. */
import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readForeign } from '../../host/foreign-file.ts';
import type { StoredFile } from '../store.ts';
import { syncFolder, writeDurable, writePlain } from './file.ts';
import { PACK_BYTES_MAX, PACK_FILES_MAX } from './pack.ts';

/** FIFOs that a runner makes; nothing is in them. */
const FIFOS = new Set(['stdin']);

/**
 * Every file and folder below, or why it cannot be packed: it is too much, or there is something that is no plain file,
 * which an attempt can leave. Other work has its turn between two files.
 */
export async function collect(folder: string, skip: ReadonlySet<string>): Promise<StoredFile[] | string> {
  const found: StoredFile[] = [];
  let bytes = 0;
  const todo = [''];
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    const entries = readdirSync(join(folder, at), { withFileTypes: true });
    if (found.length + entries.length > PACK_FILES_MAX) return `it has more than ${PACK_FILES_MAX} files`;
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const name = join(at, entry.name);
      if (skip.has(name)) continue;
      if (entry.isDirectory()) {
        found.push({ name: `${name}/`, data: Buffer.alloc(0) });
        todo.push(name);
        continue;
      }
      if (entry.isFIFO() && FIFOS.has(entry.name)) continue;
      const read = readForeign({ root: folder, path: name }, PACK_BYTES_MAX);
      if (!read.ok) return `${name} ${read.problem}`;
      bytes += read.value.bytes.length;
      if (bytes > PACK_BYTES_MAX) return `it has more than ${PACK_BYTES_MAX} bytes`;
      found.push({ name, data: read.value.bytes });
      await new Promise(resolve => setImmediate(resolve));
    }
  }
  return found;
}

/** Writes the files below a folder that is not there yet; `durable`: on the disk when it returns, names included. */
export function layOut(folder: string, files: readonly StoredFile[], durable: boolean): void {
  const folders = new Set([folder]);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const { name, data } of files) {
    const path = join(folder, name);
    const home = name.endsWith('/') ? path : dirname(path);
    mkdirSync(home, { recursive: true, mode: 0o700 });
    folders.add(name.endsWith('/') ? path : home);
    if (!name.endsWith('/')) (durable ? writeDurable : writePlain)(path, data);
  }
  if (durable) for (const made of folders) syncFolder(made);
}
