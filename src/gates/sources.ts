/**
 * What of a change is its source: that which the gates should see. Without it, with the tests and the configuration of today,
 * at least one of them should fail. Pure.
 */
import { isGateConfig } from './config/restore.ts';
import { isOfTests } from './test-rules.ts';

/** Written by package managers, or read by nobody but git and editors. */
const NO_SOURCE =
  /(?:^|\/)(?:\.[^/]+|CODEOWNERS|CHANGELOG[^/]*|LICEN[CS]E[^/]*)(?:$|\/)|(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|Cargo\.lock|poetry\.lock|uv\.lock|Pipfile\.lock|Gemfile\.lock|composer\.lock|go\.(?:mod|sum)|requirements[^/]*\.txt)$/;

export const isSource = (path: string): boolean =>
  !isOfTests(path) && !isGateConfig(path) && !NO_SOURCE.test(path) && !/(?:^|\/)conftest\.py$/.test(path);

/** Tests that stand in the file that they are about, to its end: those of Rust. */
const TESTS_WITHIN = /^[ \t]*#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*(?:pub\s+)?mod\b/m;

/** Whether the text of the file is needed to take its change back. */
export const hasTestsWithin = (path: string): boolean => path.endsWith('.rs');

/** The file of before with the tests of today; null: there was none. */
export function withoutChange(before: string | null, after: string): string | null {
  const tests = TESTS_WITHIN.exec(after);
  if (before === null || !tests) return before;
  const old = TESTS_WITHIN.exec(before);
  const source = old ? before.slice(0, old.index) : `${before.trimEnd()}\n\n`;
  return source + after.slice(tests.index);
}
