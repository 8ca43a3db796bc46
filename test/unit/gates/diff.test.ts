/** The gate `diff` on real commits: what it must find, and what it must leave in peace. */
import { chmodSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DEFAULT_CAP, type DiffInput, judgeDiff } from '../../../src/gates/diff.ts';
import { readChanges } from '../../../src/git/changes.ts';
import { commitAll, makeRepo, removeFolder, sh, type TestRepo, write } from '../../support/git-repo.ts';

let t: TestRepo;
const start = async (files: Record<string, string>) => {
  t = await makeRepo({ 'keep.txt': 'keep\n', ...files });
};
beforeEach(() => start({}));
afterEach(() => removeFolder(t.folder));

const judge = async (more: Partial<DiffInput> = {}) => {
  const commit = commitAll(t.repo.root);
  const changes = await readChanges(t.repo, t.base, commit);
  return judgeDiff({ changes, protected: [], tests: [], ...more });
};
const found = async (more: Partial<DiffInput> = {}) =>
  (await judge(more)).findings.map(f => `${f.kind} ${f.path}${f.line === null ? '' : `:${f.line}`}`);
const replaceRepo = async (files: Record<string, string>) => {
  removeFolder(t.folder);
  await start(files);
};
const put = (files: Record<string, string>) => write(t.repo.root, files);
/** Tokens are put together here, so that no scanner takes this file for a leak. */
const token = (prefix: string, length: number) =>
  prefix + 'aB3xK9mQ7zR2wL5vT8nP4cJ6hY1dF0gS'.repeat(4).slice(0, length);

test('ordinary work passes', async () => {
  put({ 'src/new.ts': 'export const a = 1;\n', 'test/new.test.ts': "test('a', () => {});\n" });
  expect(await judge()).toEqual({
    gate: 'diff',
    passed: true,
    reason: null,
    findings: [],
    needs_person: false,
  });
});

test.each([
  '.rasen/plan.json',
  'rasen.yml',
  '.github/workflows/ci.yml',
  '.GitHub/Workflows/CI.yml',
  '.gitlab-ci.yml',
  '.circleci/config.yml',
  '.ci/run',
  '.husky/pre-commit',
  '.githooks/pre-push',
  '.gitmodules',
])('%s is always protected', async path => {
  put({ [path]: 'x\n' });
  const result = await judge();
  expect(result).toMatchObject({
    passed: false,
    needs_person: true,
    reason: `A protected path was changed: ${path}.`,
  });
});

test('paths of the project, in both ends of a rename and in deletions', async () => {
  await replaceRepo({ 'conf/a.json': '{"some": "content that is long enough"}\n', 'conf/b.json': '{}\n' });
  renameSync(join(t.repo.root, 'conf/a.json'), join(t.repo.root, 'moved.json'));
  rmSync(join(t.repo.root, 'conf/b.json'));
  expect(await found({ protected: ['conf'] })).toEqual(['protected conf/b.json', 'protected conf/a.json']);
});

test('attributes that run programs are found, harmless ones are not', async () => {
  put({ '.gitattributes': '*.ts text eol=lf\n*.png binary\n' });
  expect(await found()).toEqual([]);
  put({ 'sub/.gitattributes': '*.ts filter=evil\n' });
  expect(await found()).toEqual(['protected sub/.gitattributes']);
});

test('attributes cannot hide text', async () => {
  put({ '.gitattributes': '* -diff\n', 'src/a.ts': `const k = '${token('ghp_', 36)}';\n` });
  expect(await found()).toEqual(['secret src/a.ts:1']);
});

const SUITES: [string, string, string, string, string][] = [
  // File, two cases, one case less, one skipped, one more.
  [
    'src/a.test.ts',
    "test('a', f);\ntest('b', f);\n",
    "test('a', f);\n",
    "test('a', f);\ntest.skip('b', f);\n",
    "it('c', f);\n",
  ],
  [
    'a.spec.jsx',
    "it('a', f);\nit('b', f);\n",
    "it('a', f);\n// it('b', f);\n",
    "it('a', f);\nxit('b', f);\n",
    "test.each([1])('c', f);\n",
  ],
  [
    'test/node.js',
    "test('a', f);\ntest('b', f);\n",
    "test('a', f);\n",
    "test('a', f);\ntest('b', { skip: true }, f);\n",
    "test('c', f);\n",
  ],
  [
    'tests/test_a.py',
    'def test_a():\n  pass\ndef test_b():\n  pass\n',
    'def test_a():\n  pass\n',
    '@pytest.mark.skip\ndef test_a():\n  pass\ndef test_b():\n  pass\n',
    'async def test_c():\n  pass\n',
  ],
  [
    'pkg/a_test.go',
    'func TestA(t *T) {\n}\nfunc TestB(t *T) {\n}\n',
    'func TestA(t *T) {\n}\n',
    'func TestA(t *T) {\n\tt.Skip("x")\n}\nfunc TestB(t *T) {\n}\n',
    'func TestC(t *T) {\n}\n',
  ],
  [
    'src/lib.rs',
    '#[test]\nfn a() {}\n#[tokio::test]\nfn b() {}\n',
    '#[test]\nfn a() {}\n',
    '#[test]\n#[ignore]\nfn a() {}\n#[tokio::test]\nfn b() {}\n',
    '#[test]\nfn c() {}\n',
  ],
  [
    'src/test/java/ATest.java',
    '@Test\nvoid a() {}\n@Test\nvoid b() {}\n',
    '@Test\nvoid a() {}\n',
    '@Test\nvoid a() {}\n@Disabled\n@Test\nvoid b() {}\n',
    '@Test\nvoid c() {}\n',
  ],
  [
    'spec/a_spec.rb',
    "it 'a' do\nend\nit 'b' do\nend\n",
    "it 'a' do\nend\n",
    "it 'a' do\nend\nxit 'b' do\nend\nit 'b2' do\nend\n",
    "it 'c' do\nend\n",
  ],
  [
    'test/a.bats',
    '@test "a" {\n}\n@test "b" {\n}\n',
    '@test "a" {\n}\n',
    '@test "a" {\n  skip "x"\n}\n@test "b" {\n}\n',
    '@test "c" {\n}\n',
  ],
];

test.each(SUITES)('tests in %s', async (path, cases, fewer, skipped, more) => {
  const kinds = async (tests: string[] = []) => (await judge({ tests })).findings.map(f => f.kind);
  await replaceRepo({ [path]: cases });
  put({ [path]: fewer });
  expect(await kinds()).toEqual(['test_cases_removed']);
  expect(await kinds([path])).toEqual([]);
  put({ [path]: skipped });
  expect(await kinds()).toContain('test_skipped');
  expect(await kinds([path])).toContain('test_skipped');
  put({ [path]: cases + more });
  expect(await kinds()).toEqual([]);
  put({ [path]: '' });
  expect(await kinds([path])).toEqual(['test_emptied']);
  rmSync(join(t.repo.root, path));
  expect(await kinds([path])).toEqual(['test_deleted']);
});

test('a renamed case, an edited skip and text about skipping are in peace', async () => {
  await replaceRepo({ 'a.test.ts': "test('a', f);\ntest.skip('b', f);\n" });
  put({ 'a.test.ts': "test('a better', f);\ntest.skip('b better', f);\nconst s = \"it.skip('x')\";\n" });
  expect(await found()).toEqual([]);
});

test('cases that moved word for word are not gone; others are', async () => {
  const body = "test('a', f);\ntest('b', f);\n";
  await replaceRepo({ 'one.test.ts': body, 'two.test.ts': "test('z', f);\n" });
  rmSync(join(t.repo.root, 'one.test.ts'));
  put({ 'two.test.ts': `test('z', f);\n${body}` });
  expect(await found()).toEqual([]);
  put({ 'two.test.ts': "test('z', f);\ntest('a', f);\ntest('trivial', f);\n" });
  expect(await found()).toEqual(['test_deleted one.test.ts']);
});

test('a test that is renamed away is deleted; renamed to a test it is not', async () => {
  const body = Array.from({ length: 20 }, (_, i) => `test('case ${i}', f);`).join('\n');
  await replaceRepo({ 'a.test.ts': body });
  renameSync(join(t.repo.root, 'a.test.ts'), join(t.repo.root, 'b.test.ts'));
  expect(await found()).toEqual([]);
  renameSync(join(t.repo.root, 'b.test.ts'), join(t.repo.root, 'a.test.ts.bak'));
  expect(await found()).toEqual(['test_deleted a.test.ts']);
});

test('files beside tests may go', async () => {
  await replaceRepo({ 'test/support/tools.ts': 'export const x = 1;\n', 'test/data/x.json': '{}\n' });
  rmSync(join(t.repo.root, 'test'), { recursive: true });
  expect(await found()).toEqual([]);
});

test.each<[string, () => string]>([
  ['AWS', () => `key = ${'AKIA'}${'QW3RT7YU1OP5AS9D'}`],
  ['GitHub', () => token('ghp_', 36)],
  ['GitHub fine-grained', () => token('github_pat_', 82)],
  ['Anthropic', () => `x="${token('sk-ant-api03-', 90)}"`],
  ['OpenAI', () => token('sk-proj-', 60)],
  ['Slack', () => token('xoxb-', 40)],
  ['Google', () => token('AIza', 35)],
  ['JWT', () => `Authorization: Bearer ${token('eyJ', 30)}.${token('eyJ', 40)}.${token('', 43)}`],
  ['key', () => `-----BEGIN ${'RSA PRIVATE'} KEY-----\n${token('MII', 64)}\n`],
  [
    'encrypted key',
    () => `"-----BEGIN ${'EC PRIVATE'} KEY-----\\n" +\nDEK-Info: AES,0\n\n  "${token('MII', 64)}\\n" +`,
  ],
  ['key in one line', () => `"-----BEGIN ${'PRIVATE'} KEY-----\\n${token('MII', 64)}"`],
])('secret: %s is found and not repeated', async (_, make) => {
  put({ 'src/a.ts': `// one\n${make()}\n` });
  const result = await judge();
  expect(result.findings).toMatchObject([{ kind: 'secret', path: 'src/a.ts', line: 2 }]);
  for (const part of make().split(/[\s".:]+/)) {
    if (part.length > 12) expect(JSON.stringify(result)).not.toContain(part);
  }
});

test('what only looks like a secret', async () => {
  put({
    'src/a.ts': [
      `const header = '-----BEGIN ${'PRIVATE'} KEY-----';`,
      `if (pem.startsWith(header)) return parse(pem);`,
      `export AWS=${'AKIA'}IOSFODNN7EXAMPLE`,
      `token: ghp_${'x'.repeat(36)}`,
      `.sk-fading-circle-with-a-very-long-class-name-12 { color: red }`,
      `sha512-${token('', 86)}==`,
      `"integrity": "${token('', 64)}"`,
      `const id = '${token('eyJ', 30)}.${token('eyJ', 40)}.${token('', 43)}';`,
      'a3f5c9d2e1b4a7f8c6d5e4b3a2f1c9d8e7b6a5f4',
    ].join('\n'),
  });
  expect(await found()).toEqual([]);
});

test('a secret that is removed is no finding', async () => {
  await replaceRepo({ 'a.ts': `${token('ghp_', 36)}\n` });
  put({ 'a.ts': 'gone\n' });
  expect(await found()).toEqual([]);
});

test('size: lines together, bytes a file, lock files not counted', async () => {
  put({ 'package-lock.json': 'x\n'.repeat(30_000) });
  expect(await found()).toEqual([]);
  put({ 'a.txt': 'x\n'.repeat(15_000), 'b.txt': 'x\n'.repeat(6_000) });
  expect(await found()).toEqual(['size null']);
  expect(await found({ cap: { ...DEFAULT_CAP, changed_lines: 50_000 } })).toEqual([]);
  put({ 'a.txt': 'x', 'b.txt': 'x', 'c.bin': '\0'.repeat(6 * 1024 * 1024) });
  expect(await found()).toEqual(['size c.bin']);
});

test('odd changes keep lines and files together', async () => {
  await replaceRepo({ 'link-me.txt': 'text\n', 'run.sh': 'x\n', 'z.test.ts': "test('a', f);\n" });
  rmSync(join(t.repo.root, 'link-me.txt'));
  symlinkSync('keep.txt', join(t.repo.root, 'link-me.txt'));
  chmodSync(join(t.repo.root, 'run.sh'), 0o755);
  put({
    'sp ace/tab\t"q".txt': '--- a/z.test.ts\n+++ b/z.test.ts\ndiff --git a/x b/x\n@@ -1 +1 @@\n',
    'no-newline.txt': 'end',
    'crlf.txt': 'a\r\nb\r\n',
    'bin.dat': '\0\n+x\n',
    'zz.ts': `one\n${token('ghp_', 36)}\n`,
  });
  const commit = commitAll(t.repo.root);
  const { files, complete } = await readChanges(t.repo, t.base, commit);
  expect(complete).toBe(true);
  const byPath = new Map(files.map(f => [f.path, f]));
  expect(byPath.get('link-me.txt')).toMatchObject({
    status: 'type_changed',
    mode: '120000',
    removed: [{ line: 1, text: 'text' }],
    added: [{ line: 1, text: 'keep.txt' }],
  });
  expect(byPath.get('run.sh')).toMatchObject({ mode: '100755', added: [], removed: [] });
  expect(byPath.get('sp ace/tab\t"q".txt')?.added.map(l => l.text)).toEqual([
    '--- a/z.test.ts',
    '+++ b/z.test.ts',
    'diff --git a/x b/x',
    '@@ -1 +1 @@',
  ]);
  expect(byPath.get('crlf.txt')?.added.map(l => l.text)).toEqual(['a', 'b']);
  expect(byPath.get('bin.dat')?.binary).toBe(true);
  expect(byPath.get('zz.ts')?.added[1]).toMatchObject({ line: 2 });
  expect(byPath.has('z.test.ts')).toBe(false);
});

test('a repository as a link is found', async () => {
  const inner = join(t.repo.root, 'inner');
  put({ 'inner/x': 'x' });
  sh(inner, 'init', '-q');
  commitAll(inner);
  expect(await found()).toEqual(['repository inner']);
});

test('many findings are capped and the secret is among them', async () => {
  put(Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`.github/workflows/${i}.yml`, 'x\n'])));
  put({ 'zz.ts': token('ghp_', 36) });
  const result = await judge();
  expect(result.findings).toHaveLength(100);
  expect(result.findings[0]?.kind).toBe('secret');
  expect(result.reason).toBe('A secret was added: zz.ts (and 150 more).');
});

test('tests that are one program may grow; what was checked in it stays', async () => {
  const gates = { gates: [['npm', 'test']], reached: new Set(['test.js']) };
  await replaceRepo({ 'test.js': 'if (one() !== 1) process.exit(1);' });
  put({ 'test.js': 'if (one() !== 1) process.exit(1);\nif (two() !== 2) process.exit(1);\n' });
  expect(await found(gates)).toEqual([]);
  put({ 'test.js': 'process.exit(0);\nif (one() !== 1) process.exit(1);\n' });
  expect(await found(gates)).toEqual(['tampering test.js:1']);
  put({ 'test.js': 'if (two() !== 2) process.exit(1);\n' });
  expect(await found(gates)).toEqual(['gate_config test.js']);
});
