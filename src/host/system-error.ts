/** What the system refused, in words, where nobody has put it into better ones: an expected error, and no bug of ours. */
import { errnoOf, RasenError } from '../contract/errors.ts';
import { troubleOf } from './trouble.ts';

/** Refusals that are about the file or program that was asked for, and say nothing of the machine. */
const ABOUT: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'it is a folder',
  EEXIST: 'something else has the name',
  ENOTEMPTY: 'the folder is not empty',
  ELOOP: 'its links lead in circles',
  ENAMETOOLONG: 'the name is too long',
  EXDEV: 'it is on another disk',
  EFBIG: 'the file would be larger than allowed (ulimit -f)',
  E2BIG: 'arguments and environment are larger than the kernel takes',
  ENOEXEC: 'it is not a program for this machine',
};

const VERBS: Readonly<Record<string, string>> = {
  mkdir: 'make the folder',
  mkdtemp: 'make a folder in',
  scandir: 'list',
  opendir: 'list',
  rmdir: 'remove',
  unlink: 'remove',
  lstat: 'look at',
  stat: 'look at',
  access: 'look at',
  realpath: 'look at',
  chdir: 'go to',
  rename: 'rename',
};

/** null: not an error of the system. */
export function systemError(error: unknown): RasenError | null {
  const { syscall, path } = (error ?? {}) as { syscall?: unknown; path?: unknown };
  const errno = errnoOf(error);
  if (typeof syscall !== 'string' || errno === undefined) return null;
  const trouble = troubleOf(error);
  const what = typeof path === 'string' ? ` ${path}` : '';
  const about = trouble
    ? trouble.message.replace(` for${what} (`, ' (')
    : `${ABOUT[errno] ?? 'the system refused'} (${errno})`;
  const verb = syscall.startsWith('spawn') ? 'start' : (VERBS[syscall] ?? syscall);
  return new RasenError('storage', `Cannot ${verb}${what}: ${about}.`, {
    ...(HINTS[errno] ? { hint: HINTS[errno] } : {}),
    data: { errno, ...(typeof path === 'string' ? { path } : {}) },
    cause: error,
  });
}

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'Free some space, and try again.',
  EDQUOT: 'Free some space, and try again.',
  EROFS: 'Choose a folder that can be written; RASEN_HOME says where the state is.',
  EACCES: 'Look at the owner and the permissions of the path.',
  EPERM: 'Look at the owner and the permissions of the path.',
};
