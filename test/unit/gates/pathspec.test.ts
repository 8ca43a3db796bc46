/** Our pathspecs against git's own answer, so that the two cannot drift apart. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pathMatcher } from '../../../src/gates/pathspec.ts';
import { makeRepo, removeFolder, sh, type TestRepo } from '../../support/git-repo.ts';

const PATHS = [
  'a.txt',
  'A.TXT',
  'src/a.ts',
  'src/deep/b.ts',
  'src/deep/er/c.tsx',
  'src-other/x.ts',
  'lib/a[1].js',
  'lib/a1.js',
  'docs/read me.md',
  'x+y.(z)',
  'üm/läut.txt',
  'Dockerfile',
];
const SPECS = [
  ['a.txt'],
  ['src'],
  ['src/'],
  ['./src'],
  ['.'],
  ['*.ts'],
  ['src/*.ts'],
  ['src/*'],
  ['src/**'],
  ['**/b.ts'],
  ['src/?.ts'],
  ['sr*'],
  ['lib/a[0-9].js'],
  ['lib/a[!0-9].js'],
  ['lib/a\\[1\\].js'],
  ['lib/a[1].js'],
  [':(literal)lib/a[1].js'],
  [':(glob)src/*.ts'],
  [':(glob)**/*.ts'],
  [':(glob)src/**/c.tsx'],
  [':(glob)src/**'],
  [':(icase)a.txt'],
  [':(icase,glob)*.txt'],
  [':(top)src'],
  [':/src'],
  ['src', ':!src/deep'],
  ['src', ':^*.tsx'],
  [':(exclude)src'],
  [':!src'],
  ['x+y.(z)'],
  ['üm/*'],
  ['üm/l*ut.txt'],
  ['docs/read me.md'],
  ['nothing'],
  ['[z-a]'],
];

let t: TestRepo;
beforeAll(async () => {
  t = await makeRepo(Object.fromEntries(PATHS.map(path => [path, path])));
});
afterAll(() => removeFolder(t.folder));

test.each(SPECS.map(spec => [spec.join(' '), spec] as const))('%s', (_, spec) => {
  const isMatch = pathMatcher(spec);
  const tracked = sh(t.repo.root, '-c', 'core.quotePath=false', 'ls-files').split('\n');
  const git = sh(t.repo.root, '-c', 'core.quotePath=false', 'ls-files', '--', ...spec);
  expect(tracked.filter(isMatch)).toEqual(git === '' ? [] : git.split('\n'));
});

test('no patterns match nothing, unknown magic matches everything', () => {
  expect(pathMatcher([])('a')).toBe(false);
  expect(pathMatcher([':(attr:x)a'])('b')).toBe(true);
});

test.each(
  // With exceptions alone git means the folder, and we the whole repository: more is protected then.
  SPECS.filter(spec => !spec.every(pattern => /^:(?:\(exclude\)|[!^])/.test(pattern))).map(
    spec => [spec.join(' '), spec] as const,
  ),
)('in a folder, as git has it there: %s', (_, spec) => {
  const isMatch = pathMatcher(spec, 'src');
  const tracked = sh(t.repo.root, '-c', 'core.quotePath=false', 'ls-files').split('\n');
  const args = ['-c', 'core.quotePath=false', 'ls-files', '--full-name', '--', ...spec];
  const git = sh(join(t.repo.root, 'src'), ...args);
  expect(tracked.filter(isMatch)).toEqual(git === '' ? [] : git.split('\n'));
});

test('from a folder upwards, and out of the repository, where nothing is', () => {
  expect(pathMatcher(['../rasen.yml'], 'pkgs/web')('pkgs/rasen.yml')).toBe(true);
  expect(pathMatcher(['../../rasen.yml'], 'pkgs/web')('rasen.yml')).toBe(true);
  expect(pathMatcher(['../../../rasen.yml'], 'pkgs/web')('rasen.yml')).toBe(false);
  expect(pathMatcher(['*.js'], 'pkgs/[w]eb')('pkgs/[w]eb/a.js')).toBe(true);
});
