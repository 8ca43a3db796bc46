/** A gallery of cheats: each is found by the gate `diff`, and its honest twin goes through. */
import { afterAll, describe, expect, test } from 'vitest';
import { judgeDiff } from '../../../src/gates/diff.ts';
import type { FileChange } from '../../../src/git/changes.ts';
import { CHEATS, type Cheat, type Tree } from '../../support/cheats.ts';
import { changes } from '../../support/tree-changes.ts';

const counts = { found: 0, passed: 0 };

afterAll(() => {
  const all = CHEATS.length;
  console.log(`cheats found: ${counts.found} of ${all}; honest twins passed: ${counts.passed} of ${all}`);
});

const judge = ({ before, gates = [] }: Cheat, after: Tree) =>
  judgeDiff({ changes: { files: changes(before, after), complete: true }, protected: [], tests: [], gates });

describe.each(CHEATS.map(cheat => [cheat.language, cheat.name, cheat] as const))('%s: %s', (_, __, cheat) => {
  test('is found', () => {
    const { passed, needs_person } = judge(cheat, cheat.cheat);
    expect({ passed, needs_person }).toEqual({ passed: false, needs_person: true });
    counts.found++;
  });

  test('its honest twin is not', () => {
    expect(judge(cheat, cheat.honest).findings).toEqual([]);
    counts.passed++;
  });
});

const NPMRC: Cheat = { ...CHEATS[0]!, cheat: { 'a/.npmrc': 'script-shell=/bin/true' } };
const findings = (given: string[], tests: string[] = []) => {
  const { before, cheat } = NPMRC;
  return judgeDiff({
    changes: { files: changes(before, cheat), complete: true },
    protected: [],
    tests,
    given,
  }).findings;
};

test('what the user’s plan gives by its whole name may change, and no glob gives it', () => {
  expect(findings(['a/.npmrc'])).toEqual([]);
  expect(findings(['a'])).toHaveLength(1);
  expect(findings(['a/*'], ['a/*', 'a/.npmrc'])).toHaveLength(1);
});

test.each([['**'], ['*'], ['.'], [':/'], [':(glob)**'], [':!src'], ['**/*.test.js'], ['']])(
  'tests: %j permits nothing, however it came into a plan',
  pattern => {
    const gutted = CHEATS.find(({ name }) => name === 'assertions gone')!;
    const files = changes(gutted.before, gutted.cheat);
    const judged = (tests: string[]) =>
      judgeDiff({ changes: { files, complete: true }, protected: [], tests }).passed;
    expect(judged([pattern])).toBe(false);
    expect(judged(['test/*.test.js'])).toBe(true);
  },
);

test('a file of configuration that is too large, or that cannot be read, is for a person', () => {
  const [file] = changes({ 'package.json': '{}' }, { 'package.json': '{' }) as [FileChange];
  const judged = (change: FileChange) =>
    judgeDiff({ changes: { files: [change], complete: true }, protected: [], tests: [] }).findings.map(
      f => f.text,
    );
  expect(judged(file)).toEqual(['cannot be read any more']);
  expect(judged({ ...file, whole: undefined } as unknown as FileChange)).toEqual([
    'is too large to be compared',
  ]);
  expect(judged({ ...file, whole: { before: '{', after: '{}' } })).toEqual([]);
});

test('a package that moved is the same package, and is compared', () => {
  const text = '{"scripts": {"test": "vitest"}}';
  const moved = (after: string): FileChange => ({
    ...(changes({}, { 'b/package.json': after })[0] as FileChange),
    ...{ status: 'renamed', old_path: 'a/package.json', whole: { before: text, after } },
  });
  const judged = (file: FileChange) =>
    judgeDiff({ changes: { files: [file], complete: true }, protected: [], tests: [] }).passed;
  expect(judged(moved(text))).toBe(true);
  expect(judged(moved(text.replace('vitest', 'true')))).toBe(false);
  expect(judged({ ...moved(text), path: 'a/package.json.old' })).toBe(false);
});
