/**
 * Keeps `output` of an attempt below its cap without a pipe: its oldest blocks are freed in place, so offsets stay what
 * they were and the writer notices nothing. Used by the supervisor when it polls; only it may call this.
 *
 * The count in `dropped` is on the disk before blocks go, so a reader never takes a hole for content. After a crash in
 * between, the next call frees from offset 0 again.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, messageOf, RasenError } from '../contract/errors.ts';
import { foreignError, removeForeign, renameForeign } from '../host/foreign-file.ts';
import { ForeignHandle } from '../host/foreign-handle.ts';
import { syncDirectory, writeSynced } from './durable.ts';
import { CAP_BLOCK_BYTES, CAP_SLACK, HELPER_MS_MAX } from './limits.ts';
import { outputSize, placeIn, readSmall } from './small-file.ts';

/** Bytes at the start of `output` that are freed, or about to be; 0 when none. */
export function droppedBytes(dir: string): number {
  return droppedIn(readSmall(join(dir, 'dropped'))?.text ?? '');
}

/** The same of the text of the count. */
export const droppedIn = (text: string): number => (/^\d{1,15}\n$/.test(text) ? Number(text) : 0);

/**
 * Frees old blocks when more than `max_bytes` are kept.
 *
 * @param already_dropped what the caller knows to be dropped, in bytes; the file counts when it says more.
 * @returns all bytes dropped so far; supported false: neither the system nor the filesystem can, nothing was changed.
 * Throws `storage` when the count cannot be written.
 */
export async function capOutput(
  dir: string,
  max_bytes: number,
  already_dropped: number,
): Promise<{ dropped_bytes: number; supported: boolean }> {
  const before = Math.max(already_dropped, droppedBytes(dir));
  const size = outputSize(dir);
  if (size - before <= max_bytes) return { dropped_bytes: before, supported: true };
  const keep = Math.floor(max_bytes * (1 - CAP_SLACK));
  const target = Math.floor((size - keep) / CAP_BLOCK_BYTES) * CAP_BLOCK_BYTES;
  if (target <= before) return { dropped_bytes: before, supported: true };
  if (!(await writeCount(dir, target))) return { dropped_bytes: before, supported: false };
  if (await punch(dir, target)) return { dropped_bytes: target, supported: true };
  await writeCount(dir, before);
  return { dropped_bytes: before, supported: false };
}

/**
 * Frees the first `length` bytes; false where that does not exist (macOS, some network filesystems). The program is
 * handed the open file, and no name: what has the name may be another one by then.
 */
async function punch(dir: string, length: number): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const opened = ForeignHandle.open(placeIn(dir, 'output'), constants.O_RDWR);
  if (!opened.ok) return false;
  using file = opened.value;
  const args = ['--punch-hole', '--keep-size', '--offset', '0', '--length', String(length), '/dev/fd/3'];
  return await new Promise(resolve => {
    const child = spawn('fallocate', args, {
      stdio: ['ignore', 'ignore', 'ignore', file.fd],
      timeout: HELPER_MS_MAX,
      killSignal: 'SIGKILL',
    });
    child.once('error', () => resolve(false));
    child.once('exit', code => resolve(code === 0));
  });
}

/** Disk trouble: it passes, and is tried again. */
const PASSES = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** false: something else than a file has its name, so the output cannot be capped. Throws `storage`. */
async function writeCount(dir: string, bytes: number): Promise<boolean> {
  const path = join(dir, 'dropped');
  try {
    const place = placeIn(dir, 'dropped');
    if (bytes > 0) await writeSynced(`${path}.tmp`, `${bytes}\n`);
    const done = bytes === 0 ? removeForeign(place) : renameForeign(placeIn(dir, 'dropped.tmp'), place.path);
    if (!done.ok) throw foreignError(place, done);
    await syncDirectory(dir);
    return true;
  } catch (error) {
    if (!PASSES.has(errnoOf(error) ?? '')) return false;
    throw new RasenError(
      'storage',
      `The count of dropped output could not be written to ${path}: ${messageOf(error)}.`,
      { hint: errnoOf(error) === 'ENOSPC' ? 'Free disk space.' : undefined, cause: error },
    );
  }
}
