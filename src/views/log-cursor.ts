/**
 * `.rasen/logs/cursor.json`: up to which event each task is in the log, and where the log ended then. Written after each
 * batch of lines. A crash in between leaves lines behind the cursor; they are found by their text, and not written twice.
 */
import * as z from 'zod';
import type { Files } from '../host/far-files.ts';
import type { Place } from '../host/foreign-file.ts';
import { below, needed, neededOrNull } from './inside.ts';
import { VIEW_LIMITS } from './limits.ts';

const CURSOR_FILE = 'cursor.json';
/** With nine digits at most: what comes after the last one must be a number, too. */
const LOG_NAME = /^rasen\.(\d{1,9})\.log$/;

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

/** null where there is none that can be used: half a cursor, somebody's edit, or no file. The text of the log decides. */
export async function readCursor(files: Files, folder: Place): Promise<Cursor | null> {
  const place = below(folder, CURSOR_FILE);
  const read = await files.read(place, VIEW_LIMITS.cursor_bytes);
  if (!read.ok && read.fault !== 'unreadable') return null;
  const text = Buffer.from(needed(place, read)).toString('utf8');
  try {
    return cursorSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

export async function saveCursor(files: Files, folder: Place, cursor: Cursor): Promise<void> {
  const tasks = Object.entries(cursor.tasks).sort(([a], [b]) => (a < b ? -1 : 1));
  const kept: Cursor = { ...cursor, tasks: Object.fromEntries(tasks.slice(-VIEW_LIMITS.cursor_tasks)) };
  const place = below(folder, CURSOR_FILE);
  needed(place, await files.replace(place, `${JSON.stringify(kept)}\n`));
}

/** Names of the numbered files, oldest first; whatever they are. */
export async function logFiles(files: Files, folder: Place): Promise<string[]> {
  const names = neededOrNull(folder, await files.list(folder, VIEW_LIMITS.log_files)) ?? [];
  return names.filter(name => LOG_NAME.test(name)).sort((a, b) => numberOf(a) - numberOf(b));
}

export const numberOf = (name: string) => Number(LOG_NAME.exec(name)?.[1] ?? 0);
export const nameOf = (number: number) => `rasen.${number}.log`;

export async function readBehind(files: Files, folder: Place, cursor: Cursor | null): Promise<Behind> {
  let text = '';
  for (const name of await logFiles(files, folder)) {
    if (cursor && numberOf(name) < numberOf(cursor.file)) continue;
    const place = below(folder, name);
    const found = neededOrNull(place, await files.look(place));
    // What is no file has none of our lines.
    if (found?.kind !== 'file') continue;
    // A file that shrank was emptied by somebody: all that is in it came after.
    const from = cursor?.file === name && found.size >= cursor.offset ? cursor.offset : 0;
    const start = Math.max(from, found.size - VIEW_LIMITS.recover_bytes);
    const read = await files.readFrom(place, start, VIEW_LIMITS.recover_bytes);
    if (!read.ok && read.fault !== 'unreadable') continue;
    const bytes = Buffer.from(needed(place, read));
    text = (text + bytes.toString('utf8')).slice(-VIEW_LIMITS.recover_bytes);
  }
  const lines = text.split('\n');
  const torn = lines.pop() ?? '';
  return { lines, torn, exact: cursor !== null };
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
