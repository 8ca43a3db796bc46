/**
 * The inbox: where a client leaves what is too large for a line of the socket, for a request that names its hash. The
 * client makes the file and removes it after the answer; what it came not to remove goes after a day. It is in the state,
 * which is private, but programs of the same user can write there: what is read is compared with the hash of the request.
 */
import { closeSync, lstatSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, RasenError } from '../contract/errors.ts';
import { foreignError, readForeign } from './foreign-file.ts';
import { makeFolder } from './make-folder.ts';

export type InboxKind = 'order' | 'input';

/** Most bytes of a file, by what is in it. */
export const INBOX_BYTES_MAX: Readonly<Record<InboxKind, number>> = {
  order: 64 * 1024 * 1024,
  input: 64 * 1024 * 1024,
};
const KEPT_MS = 24 * 3_600_000;

export interface Kept {
  sha256: string;
  bytes: number;
}

/** Asked for when there is something to hash: every client has this file in it, and few leave anything. */
const sha256 = () => process.getBuiltinModule('node:crypto').createHash('sha256');
const inboxOf = (home: string) => join(home, 'inbox');
const nameOf = (task: string, kind: InboxKind) => `${task}.${kind}`;

/** Writes a new file. Null: it would be larger than allowed, and there is none. Throws what the system says. */
export async function putInInbox(
  home: string,
  task: string,
  kind: InboxKind,
  chunks: Iterable<Buffer> | AsyncIterable<Buffer>,
): Promise<Kept | null> {
  makeFolder(inboxOf(home), 0o700);
  const fd = openSync(join(inboxOf(home), nameOf(task, kind)), 'wx', 0o600);
  const hash = sha256();
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > INBOX_BYTES_MAX[kind]) break;
      hash.update(chunk);
      for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
    }
  } catch (error) {
    removeFromInbox(home, task, kind);
    throw error;
  } finally {
    closeSync(fd);
  }
  if (bytes <= INBOX_BYTES_MAX[kind]) return { sha256: hash.digest('hex'), bytes };
  removeFromInbox(home, task, kind);
  return null;
}

export function removeFromInbox(home: string, task: string, kind: InboxKind): void {
  rmSync(join(inboxOf(home), nameOf(task, kind)), { force: true });
}

/** What a client left for this request. Throws `usage` when it is not there or is something else. */
export function readInbox(home: string, task: string, kind: InboxKind, expected: string): Buffer {
  const place = { root: inboxOf(home), path: nameOf(task, kind) };
  const read = readForeign(place, INBOX_BYTES_MAX[kind]);
  if (!read.ok)
    throw new RasenError(
      'usage',
      `What the request refers to cannot be read: ${foreignError(place, read).message}.`,
      {
        hint: 'Nothing was accepted. Client and supervisor must have the same RASEN_HOME.',
      },
    );
  const { bytes } = read.value;
  if (sha256().update(bytes).digest('hex') !== expected)
    throw new RasenError('usage', `${join(place.root, place.path)} is not what the request says it is.`, {
      hint: 'Nothing was accepted. Try again.',
    });
  return bytes;
}

/** Removes what clients came not to remove. */
export function clearInbox(home: string, now_ms: number): void {
  const folder = inboxOf(home);
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat && now_ms - stat.mtimeMs > KEPT_MS) rmSync(path, { recursive: true, force: true });
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
