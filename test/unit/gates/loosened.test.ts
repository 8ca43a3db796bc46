/** Checks that are still there and no longer check: what the gate `diff` must find, and what it must leave in peace. */
import { expect, test } from 'vitest';
import { judgeDiff } from '../../../src/gates/diff.ts';
import type { FileChange } from '../../../src/git/changes.ts';

const lines = (text: string) =>
  text.split('\n').flatMap((t, i) => (t === '' ? [] : [{ line: i + 1, text: t }]));
const change = (path: string, before: string, after: string, more: Partial<FileChange> = {}): FileChange => ({
  status: 'modified',
  path,
  old_path: null,
  mode: '100644',
  removed: lines(before),
  added: lines(after),
  target: null,
  bytes: 100,
  binary: false,
  ...more,
});
const judge = (files: FileChange[], tests: string[] = []) =>
  judgeDiff({ changes: { files, complete: true }, protected: [], tests }).findings.map(f => f.kind);

const T = 'test/login.test.ts';
test.each([
  [
    'fewer assertions',
    T,
    '  expect(a).toBe(1);\n  expect(b).toBe(2);',
    '  expect(a).toBe(1);',
    'test_loosened',
  ],
  ['none left', T, '  expect(login()).toBe(true);', '  login();', 'test_loosened'],
  ['no assert left', 'tests/test_a.py', '    assert login() == 1', '    login()', 'test_loosened'],
  ['no error left', 'a_test.go', '\tt.Fatalf("no %v", err)', '\tt.Logf("no %v", err)', 'test_loosened'],
  [
    'fewer digits',
    T,
    '  expect(a).toBeCloseTo(1.5, 6);',
    '  expect(a).toBeCloseTo(1.5, 1);',
    'test_loosened',
  ],
  [
    'a wider range',
    'tests/test_a.py',
    '  assert a == approx(1, abs=0.01)',
    '  assert a == approx(1, abs=10)',
    'test_loosened',
  ],
  ['expect(true)', T, '  expect(login()).toBe(true);', '  expect(true).toBe(true);', 'test_hollow'],
  ['assert True', 'tests/test_a.py', '', '    assert True', 'test_hollow'],
  ['assert(true)', 'test/a.js', '', '  assert.ok(true);', 'test_hollow'],
  ['one thing with itself', 'test/a.js', '', '  assert.equal(a, a);', 'test_hollow'],
  ['|| true in a recipe', 'Makefile', '\tpytest', '\tpytest || true', 'test_script'],
  ['; exit 0', 'scripts/ci.sh', 'npm test', 'npm test; exit 0', 'test_script'],
])('%s (%s)', (_, path, before, after, kind) => {
  expect(judge([change(path, before, after)])).toContain(kind);
});

test.each([
  ['an assertion that was edited', T, '  expect(a).toBe(1);', '  expect(a).toEqual({ b: 1 });'],
  ['one that moved', T, '  expect(a).toBe(1);', '    expect(a).toBe(1);'],
  ['more digits', T, '  expect(a).toBeCloseTo(1.5, 1);', '  expect(a).toBeCloseTo(1.5, 6);'],
  ['true that was found out', T, '', '  expect(isOpen(true)).toBe(true);'],
  ['|| true elsewhere', 'scripts/clean.sh', '', 'rm -r build || true'],
  ['a program that is loaded', 'test/a.js', "const a = require('a');", "import a from 'a';"],
  ['words about it', 'docs/ci.md', '', 'Never write `npm test || true`, nor expect(true).toBe(true).'],
  ['code that asserts', 'src/a.ts', '  assert(a);', ''],
])('%s is left in peace', (_, path, before, after) => {
  expect(judge([change(path, before, after)])).toEqual([]);
});

test('assertions that moved to another file are not gone', () => {
  const moved = '  expect(a).toBe(1);';
  const added = change('test/new.test.ts', '', moved, { status: 'added' });
  expect(judge([change(T, moved, ''), added])).toEqual([]);
});

test('a subtask may change the assertions of files that it lists, and make none hollow', () => {
  const files = [change(T, '  expect(a).toBe(1);\n  expect(b).toBe(1);', '  expect(true).toBe(true);')];
  expect(judge(files).sort()).toEqual(['test_hollow', 'test_loosened']);
  expect(judge(files, [T])).toEqual(['test_hollow']);
});
