/** What the system refuses is no bug. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { makeFolder } from '../../../src/host/make-folder.ts';
import { systemError } from '../../../src/host/system-error.ts';

const thrown = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
};

it.each([
  [() => readFileSync('/no/such/file'), 'Cannot open /no/such/file: it is not there (ENOENT).'],
  [
    () => mkdirSync('/etc/passwd/x'),
    'Cannot make the folder /etc/passwd/x: a part of the path is not a folder (ENOTDIR).',
  ],
  [
    () => makeFolder('/proc/nothing/x', 0o700),
    'Cannot make the folder /proc/nothing: it is not there (ENOENT).',
  ],
])('is said in words', (work, words) => {
  expect(systemError(thrown(work))).toMatchObject({ kind: 'storage', message: words });
});

it('is said of programs, too', () => {
  const { error } = spawnSync('/no/such/program');
  expect(systemError(error)?.message).toBe('Cannot start /no/such/program: it is not there (ENOENT).');
});

it('of the machine has advice', () => {
  const full = Object.assign(new Error('x'), { code: 'ENOSPC', syscall: 'write' });
  expect(systemError(full)).toMatchObject({
    message: 'Cannot write: no space or no inodes are left (ENOSPC).',
    hint: expect.stringContaining('Free some space'),
  });
});

it('is not what a bug looks like', () => {
  expect(systemError(new TypeError('x is not a function'))).toBeNull();
  expect(systemError(undefined)).toBeNull();
});
