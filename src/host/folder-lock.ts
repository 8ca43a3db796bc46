/**
 * The kernel lock of a folder. It belongs to the folder itself, so there is no lock file that somebody could remove, or
 * make anew beside the one that is held; it ends with the process however that ends, children do not inherit it, and
 * there is nothing stale to judge.
 */
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { errnoOf, messageOf } from '../contract/errors.ts';

/** macOS only: open() takes the lock itself. Not among node's constants. */
const O_EXLOCK = 0x20;
const FLOCK_MS_MAX = 5_000;
/** What flock(1) says of a lock that another process holds. */
const HELD = 1;

/**
 * `held`: another process has it. `impossible`: this file system (some network ones) has no locks of folders, or flock(1)
 * does not run.
 */
export type FolderLock =
  | { is: 'taken'; release: () => void }
  | { is: 'held' }
  | { is: 'impossible'; problem: string; error: Error };

/** The folder's disk must be known to answer: it is opened by the calling thread. */
export async function lockFolder(path: string): Promise<FolderLock> {
  const darwin = process.platform === 'darwin';
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  let fd: number;
  try {
    fd = openSync(path, darwin ? flags | O_EXLOCK : flags);
  } catch (error) {
    const held = darwin && ['EAGAIN', 'EWOULDBLOCK'].includes(errnoOf(error) ?? '');
    return held ? { is: 'held' } : impossible(error as Error);
  }
  const problem = darwin ? null : await flocked(fd);
  if (problem === null) return { is: 'taken', release: () => closeSync(fd) };
  closeSync(fd);
  return problem === HELD ? { is: 'held' } : impossible(problem);
}

const impossible = (error: Error) => ({ is: 'impossible', problem: messageOf(error), error }) as const;

/** flock(1) locks our open file description through its copy of the descriptor; the lock stays when it exits. */
function flocked(fd: number): Promise<typeof HELD | Error | null> {
  return new Promise(resolve => {
    const child = spawn('flock', ['-x', '-n', '3'], {
      stdio: ['ignore', 'ignore', 'ignore', fd],
      timeout: FLOCK_MS_MAX,
    });
    child.once('error', cause => resolve(new Error(`flock could not be run (${cause.message})`, { cause })));
    child.once('exit', (code, signal) => {
      if (code === 0 || code === HELD) return resolve(code === 0 ? null : HELD);
      const error = new Error(`flock ended with ${signal ?? code}`);
      resolve(signal === null ? error : Object.assign(error, { code: 'ETIMEDOUT' }));
    });
  });
}
