/** Texts of commits, asked for by words that need be no paths: the programs of gates among them. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { textAt } from '../../../src/git/put-back.ts';
import { commitAll, makeRepo, removeFolder, write } from '../../support/git-repo.ts';

test('the text of a file in a commit, and nothing for a word that names none', async () => {
  const t = await makeRepo();
  try {
    write(t.repo.root, { 'a.txt': 'a\n', 'pkg/b[1].txt': 'b\n', ':(top)c': 'c\n' });
    const commit = commitAll(t.repo.root, 'files');
    const text = (path: string) => textAt(t.repo, commit, path);
    expect(await text('a.txt')).toBe('a\n');
    expect(await text('pkg/../a.txt')).toBe('a\n');
    expect(await text('pkg/b[1].txt')).toBe('b\n');
    expect(await text(':(top)c')).toBe('c\n');
    const none = [
      '/bin/sh',
      join(t.repo.root, 'a.txt'),
      '..',
      '../a.txt',
      'pkg/../../x',
      '',
      '.',
      './',
      'pkg',
      'pkg/',
    ];
    for (const word of [...none, 'pkg/b*', '*', 'a\0b', 'a\nb', '-r', '--help', 'x'.repeat(200_000)])
      expect(await text(word), word.slice(0, 40)).toBeNull();
  } finally {
    removeFolder(t.folder);
  }
});
