/**
 * Whether a folder or socket of rasen is nobody else's. Order, environment and secrets go through it: in a place that
 * another user can write, or made, they would be his. Nothing is changed here; the error says what mends it.
 */
import { realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { RasenError } from '../contract/errors.ts';

const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;

/**
 * The folder of the state: ours, and written by nobody else. Others may read its names, as of a folder that was made by
 * hand; what is in it has modes of its own. A link is followed: where it leads counts. Throws `not_private`.
 */
export function checkHome(path: string): void {
  const stat = look(path);
  if (!stat) return;
  if (stat.uid !== uid()) throw foreign(path, stat.uid);
  if ((stat.mode & OTHERS_WRITE) !== 0) throw open(path, stat, 'written', 'go-w');
}

/**
 * A socket and its folder, before anything is sent: both ours and closed to others. Until a supervisor first runs, the
 * folder that a service manager made is root's; then nobody else can write to it. What is not there is for the
 * connection to find out. Throws `not_private`.
 */
export function checkSocket(path: string): void {
  const real = resolved(path);
  if (real === null) return;
  const folder = dirname(real);
  const at = look(folder);
  if (at && at.uid !== uid() && at.uid !== 0) throw foreign(folder, at.uid);
  if (at && (at.mode & (at.uid === uid() ? OTHERS : OTHERS_WRITE)) !== 0)
    throw open(folder, at, 'entered', '700');
  const socket = look(real);
  if (!socket) return;
  if (socket.uid !== uid()) throw foreign(real, socket.uid);
  if ((socket.mode & OTHERS) !== 0) throw open(real, socket, 'used', '600');
}

function foreign(path: string, owner: number): RasenError {
  const who = owner === 0 ? 'root' : `another user (uid ${owner})`;
  return new RasenError('not_private', `${path} belongs to ${who}, so nothing was sent or written.`, {
    hint: `Ask as that user (sudo -u ${owner === 0 ? 'root' : `'#${owner}'`} rasen …), or set RASEN_HOME to a folder of your own.`,
    data: { path, uid: owner },
  });
}

function open(path: string, { mode }: Stats, done: string, mend: string): RasenError {
  const octal = (mode & 0o777).toString(8);
  return new RasenError(
    'not_private',
    `${path} has mode ${octal} and can be ${done} by others, so nothing was sent or written.`,
    { hint: `Close it: chmod ${mend} '${path}'`, data: { path, mode: octal } },
  );
}

const uid = () => process.getuid?.() ?? 0;

/** Undefined: it is not there, or may not be looked at; then it cannot be used either. */
function look(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function resolved(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
