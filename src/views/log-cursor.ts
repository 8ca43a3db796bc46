/**
 * `.rasen/logs/cursor.json`: up to which event each task is in the log, and where the log ended then. Written after each
 * batch of lines. A crash in between leaves lines behind the cursor; they are found by their text, and not written twice.
 */
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import * as z from 'zod';
import { isRasenError } from '../errors.ts';
import { readDocument } from '../store/document.ts';
import { gone } from './inside.ts';
import { VIEW_LIMITS } from './limits.ts';

const CURSOR_FILE = 'cursor.json';
const LOG_NAME = /^rasen\.(\d+)\.log$/;

const cursorSchema = z.object({
  version: z.literal(1),
  /** The numbered file in use, and its size. */
  file: z.string().regex(LOG_NAME),
  offset: z.int().min(0),
  /** Task → number of its last event in the log. */
  tasks: z.record(z.string(), z.int().min(0)),
});
export type Cursor = z.infer<typeof cursorSchema>;

/** What stands in the log behind the cursor. */
export interface Behind {
  lines: string[];
  /** A last line without its end; '' for none. */
  torn: string;
  /** false: there was no cursor, so some of the lines may be older. */
  exact: boolean;
}

/** null where there is none that can be used. */
export function readCursor(folder: string): Cursor | null {
  try {
    return cursorSchema.safeParse(readDocument(join(folder, CURSOR_FILE))).data ?? null;
  } catch (error) {
    // Half a cursor or somebody's edit: the text of the log decides.
    if (isRasenError(error) && error.kind === 'damaged') return null;
    throw error;
  }
}

export async function saveCursor(folder: string, cursor: Cursor): Promise<void> {
  const tasks = Object.entries(cursor.tasks).sort(([a], [b]) => (a < b ? -1 : 1));
  const kept: Cursor = { ...cursor, tasks: Object.fromEntries(tasks.slice(-VIEW_LIMITS.cursor_tasks)) };
  await writeFileAtomic(join(folder, CURSOR_FILE), `${JSON.stringify(kept)}\n`, { fsync: false });
}

/** Names of the numbered files, oldest first. */
export async function logFiles(folder: string): Promise<string[]> {
  const names = (await readdir(folder).catch(gone)) ?? [];
  return names.filter(name => LOG_NAME.test(name)).sort((a, b) => numberOf(a) - numberOf(b));
}

export const numberOf = (name: string) => Number(LOG_NAME.exec(name)?.[1] ?? 0);
export const nameOf = (number: number) => `rasen.${number}.log`;

export async function readBehind(folder: string, cursor: Cursor | null): Promise<Behind> {
  const files = await logFiles(folder);
  let text = '';
  for (const name of files) {
    if (cursor && numberOf(name) < numberOf(cursor.file)) continue;
    const size = (await stat(join(folder, name))).size;
    // A file that shrank was emptied by somebody: all that is in it came after.
    const from = cursor?.file === name && size >= cursor.offset ? cursor.offset : 0;
    text = (text + (await read(join(folder, name), Math.max(from, size - VIEW_LIMITS.recover_bytes)))).slice(
      -VIEW_LIMITS.recover_bytes,
    );
  }
  const lines = text.split('\n');
  const torn = lines.pop() ?? '';
  return { lines, torn, exact: cursor !== null };
}

async function read(path: string, from: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.alloc(Math.max(0, size - from)),
      position: from,
    });
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** How many of the pending lines of a task are in the log already. Lines of other tasks may stand between them. */
export function alreadyWritten(pending: readonly string[], behind: Behind): number {
  let next = 0;
  if (behind.exact) {
    for (const line of behind.lines) if (next < pending.length && line === pending[next]) next++;
    return next;
  }
  for (const line of behind.lines.toReversed()) {
    const at = pending.lastIndexOf(line);
    if (at >= 0) return at + 1;
  }
  return 0;
}
