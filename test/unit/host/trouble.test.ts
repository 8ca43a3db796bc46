import { describe, expect, it } from 'vitest';
import { RasenError } from '../../../src/contract/errors.ts';
import { throwTrouble, troubleInText, troubleOf, troubleWith } from '../../../src/host/trouble.ts';

const errno = (code: string, path?: string) => Object.assign(new Error(code), { code, path });

describe('trouble of the machine', () => {
  it.each([
    ['ENOSPC', 'disk'],
    ['EDQUOT', 'disk'],
    ['EROFS', 'disk'],
    ['EIO', 'disk'],
    ['EMFILE', 'machine'],
    ['ENFILE', 'machine'],
    ['ENOMEM', 'machine'],
    ['ETXTBSY', 'machine'],
    ['EACCES', 'machine'],
  ])('%s is of the %s, and names file and errno', (code, why) => {
    const trouble = troubleOf(errno(code, '/mnt/p'));
    expect(trouble).toMatchObject({ why, errno: code, path: '/mnt/p' });
    expect(trouble!.message).toContain(`/mnt/p (${code})`);
  });

  it('is found behind what others made of it', () => {
    const cause = new RasenError('storage', 'cannot write', { cause: errno('ENOSPC') });
    expect(troubleOf(new RasenError('storage', 'no', { cause }))).toMatchObject({ why: 'disk' });
    expect(troubleOf(new RasenError('manager_away', 'later'))).toMatchObject({ why: 'service_manager' });
    const trouble = troubleWith('lock', '/r', 'held');
    expect(troubleOf(new RasenError('git', 'no', { data: { trouble } }))).toBe(trouble);
  });

  it.each([
    ['what is not there', errno('ENOENT')],
    ['a bug', new TypeError('undefined is no function')],
    ['a wrong configuration', new RasenError('config', 'no', { cause: errno('EACCES') })],
    ['a repository that is gone', new RasenError('not_git', 'no')],
    ['a commit that is none', new RasenError('git', '"x" is not a commit')],
  ])('is not %s', (_what, error) => {
    expect(troubleOf(error)).toBeNull();
  });

  it.each([
    ['error: unable to write file a: No space left on device', 'ENOSPC'],
    ['fatal: cannot create directory at x: Disk quota exceeded', 'EDQUOT'],
    ['fatal: open: Too many open files in system', 'ENFILE'],
    ['fatal: open: Too many open files', 'EMFILE'],
    ['fatal: Out of memory, malloc failed (tried to allocate 5 bytes)', 'ENOMEM'],
    ['error: cannot fork() for gc: Resource temporarily unavailable', 'EAGAIN'],
    ["fatal: Unable to create '/p/.git/index.lock': File exists.", null],
    ["fatal: cannot lock ref 'refs/rasen/t/base': unable to create directory for /s/refs/rasen/t/base", null],
    ['fatal: unable to write new index file', null],
    ['fatal: Could not write new index file.', null],
    ["error: couldn't write '/p/.git/refs/heads/x.lock'", null],
  ])('is told by git: %s', (text, code) => {
    expect(troubleInText(text, '/p')).toMatchObject({ why: expect.any(String), errno: code });
  });

  it('is not every complaint of git', () => {
    expect(troubleInText("fatal: cannot lock ref 'x': reference already exists", '/p')).toBeNull();
    expect(troubleInText('fatal: bad object HEAD', '/p')).toBeNull();
  });

  it('does not make a file missing, and a refusal does', () => {
    expect(() => throwTrouble(errno('EMFILE'))).toThrow('EMFILE');
    expect(() => throwTrouble(errno('EIO'))).toThrow('EIO');
    expect(() => throwTrouble(errno('EACCES'))).not.toThrow();
    expect(() => throwTrouble(errno('ENOENT'))).not.toThrow();
  });
});
