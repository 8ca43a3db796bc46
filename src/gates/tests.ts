/**
 * Tests that went: deleted, emptied, fewer cases, switched off. Used by the diff gate. Pure. A case that moved to
 * another test file, word for word, is not gone.
 */
import type { ChangedLine, FileChange } from '../git/changes.ts';
import type { Finding } from './gate.ts';
import { type TestRules, testRules } from './test-rules.ts';

/**
 * `isListed`: the subtask may change this test file, so cases may go; the file itself may not, and none may be
 * switched off.
 */
export function judgeTests(files: readonly FileChange[], isListed: (path: string) => boolean): Finding[] {
  const arrivals = titlesAdded(files);
  return files.flatMap(file => {
    const before = file.old_path ?? file.path;
    const rules = testRules(before);
    const skipped = file.status === 'deleted' ? [] : judgeSkips(file, testRules(file.path));
    if (rules === null || file.status === 'added' || file.status === 'copied') return skipped;
    const gone = casesGone(file, rules, arrivals);
    const find = (kind: string, text: string): Finding[] => [{ kind, path: before, line: null, text }];
    if (file.status === 'deleted') {
      const hadCases = file.removed.some(l => rules.isCase(l.text));
      const moved = hadCases && gone === 0;
      return (rules.named || hadCases) && !moved ? find('test_deleted', 'the test file was deleted') : [];
    }
    if (file.status === 'renamed' && (rules.named || rules.in_folder) && testRules(file.path) === null) {
      return find('test_deleted', `the test file became ${file.path}, which is no test`);
    }
    if (isEmptied(file) && (rules.named || gone > 0)) {
      return find('test_emptied', 'the test file was emptied');
    }
    const fewer =
      gone > 0 && !isListed(before) && !isListed(file.path)
        ? find('test_cases_removed', `${gone} test ${gone === 1 ? 'case is' : 'cases are'} gone`)
        : [];
    return [...fewer, ...skipped];
  });
}

function judgeSkips(file: FileChange, rules: TestRules | null): Finding[] {
  if (rules === null) return [];
  const added = file.added.filter(l => rules.isSkip(l.text));
  const before = file.removed.filter(l => rules.isSkip(l.text)).length;
  // A line that was edited comes as one removed and one added; only what is more than before is new.
  const fresh = added.slice(Math.min(before, added.length));
  return fresh.map(({ line }) => ({
    kind: 'test_skipped',
    path: file.path,
    line,
    text: 'a test is skipped, or all others are (only)',
  }));
}

/** Cases fewer than before, without those that appeared elsewhere. Uses up the arrivals it counts. */
function casesGone(file: FileChange, rules: TestRules, arrivals: Map<string, number>): number {
  const removed = casesIn(file.removed, rules);
  const added = casesIn(file.added, rules);
  let gone = removed.length - added.length;
  if (gone <= 0) return 0;
  if (!rules.titled) return gone;
  for (const line of added) take(arrivals, line);
  for (const line of removed) {
    if (gone > 0 && !added.includes(line) && take(arrivals, line)) gone -= 1;
  }
  return gone;
}

/** How often each line that begins a case was added, over all test files. */
function titlesAdded(files: readonly FileChange[]): Map<string, number> {
  const titles = new Map<string, number>();
  for (const file of files) {
    const rules = testRules(file.path);
    if (!rules?.titled) continue;
    for (const line of casesIn(file.added, rules)) titles.set(line, (titles.get(line) ?? 0) + 1);
  }
  return titles;
}

function take(titles: Map<string, number>, line: string): boolean {
  const left = titles.get(line) ?? 0;
  if (left === 0) return false;
  titles.set(line, left - 1);
  return true;
}

const casesIn = (lines: readonly ChangedLine[], rules: TestRules) =>
  lines.filter(l => rules.isCase(l.text)).map(l => l.text.trim());

function isEmptied(file: FileChange): boolean {
  return file.bytes === 0 && file.removed.length > 0;
}
