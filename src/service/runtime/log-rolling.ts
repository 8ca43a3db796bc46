/**
 * Log lines to numbered files (rasend.1.log, rasend.2.log …) that replace each other by size, by pino-roll on the main
 * thread: when write() returns, the line is in the file. At the path of the log is a link to the file in use.
 */
import { lstatSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { messageOf, RasenError } from '../../contract/errors.ts';
import type { LogStream } from '../../log.ts';
import { rollPath } from '../../util/roll-path.ts';
import { writeAll } from './log-stderr.ts';

export interface RollingOptions {
  /** A file of this size is closed and the next one begun. */
  max_bytes: number;
  /** Files that are kept, with the one in use. */
  files: number;
}

export const ROLLING: RollingOptions = { max_bytes: 10 * 1024 * 1024, files: 5 };
/** What is kept in memory of lines that cannot be written, until they can. */
const UNWRITTEN_CHARS_MAX = 1024 * 1024;

/** Throws RasenError `storage`, or what the system says, when there is something else at the path. */
export async function rollingStream(path: string, options: RollingOptions = ROLLING): Promise<LogStream> {
  clearPath(path);
  // Only here: with date-fns behind it, it is a tenth of what a start costs, and most logs go elsewhere.
  const { default: roll } = await import('pino-roll');
  const stream = await roll({
    file: rollPath(path),
    size: `${options.max_bytes}b`,
    // With removeOtherLogFiles the count includes the file in use.
    limit: { count: options.files, removeOtherLogFiles: true },
    sync: true,
    mode: 0o600,
    maxLength: UNWRITTEN_CHARS_MAX,
  });
  const complain = (error: unknown) =>
    writeAll(`rasend: the log ${stream.file} cannot be written: ${messageOf(error)}\n`);
  const point = () => {
    try {
      pointLink(path, basename(stream.file));
    } catch (error) {
      complain(error);
    }
  };
  stream.on('ready', point);
  stream.on('error', error => {
    complain(error);
    // Left by a next file that could not be opened; it would close the old one's descriptor a second time.
    stream.removeAllListeners('ready');
    stream.on('ready', point);
  });
  point();
  return { write: line => void stream.write(line), reopen: point };
}

/** Whether there is a link of ours at the path of the log. */
export function isRollingLink(path: string): boolean {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return false;
  return numberIn(path, readlinkSync(path)) !== null;
}

/** A plain file is the log of another mode: it becomes the last of the numbered ones. */
function clearPath(path: string): void {
  const folder = dirname(path);
  for (const name of readdirSync(folder).filter(
    one => one === basename(path) || numberIn(path, one) !== null,
  )) {
    const at = join(folder, name);
    // A FIFO would block, and a link lead elsewhere: neither is a log.
    const stat = lstatSync(at);
    if (!stat.isFile() && !stat.isDirectory() && !(at === path && isRollingLink(path)))
      renameSync(at, `${at}.unusable-${Date.now()}`);
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found || isRollingLink(path)) return;
  if (!found.isFile()) throw new RasenError('storage', 'it is no plain file');
  const numbers = readdirSync(dirname(path)).map(name => numberIn(path, name) ?? 0);
  renameSync(path, join(dirname(path), numbered(path, Math.max(0, ...numbers) + 1)));
}

/** Made aside and renamed: there is no moment without a link. A kill in between leaves the one aside to the next time. */
function pointLink(path: string, name: string): void {
  if (isRollingLink(path) && readlinkSync(path) === name) return;
  clearPath(path);
  const aside = `${path}.new`;
  rmSync(aside, { force: true });
  symlinkSync(name, aside);
  renameSync(aside, path);
}

const STEM = (path: string) => basename(path, '.log');
const numbered = (path: string, number: number) => `${STEM(path)}.${number}.log`;

/** The number in the name of one of the files; null for any other name. */
function numberIn(path: string, name: string): number | null {
  const number = Number(/\.(\d+)\.log$/.exec(name)?.[1] ?? Number.NaN);
  return name === numbered(path, number) ? number : null;
}
