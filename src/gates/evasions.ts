/**
 * Ways around a check that leave it as it was: a run of tests that ends itself well, a program that notices that it is
 * tested, a check that is switched off for a whole file, recorded results that were recorded again. Used by the diff gate.
 * Pure; looks at added lines, so it says where to look, and a person decides.
 */
import type { FileChange } from '../git/changes.ts';
import type { Finding } from './gate.ts';
import { isOfTests, testRules } from './test-rules.ts';

/** Ends the run, or changes how it ended, where tests or what is loaded with them stand. */
const ENDS_RUN =
  /\bprocess\.(?:exit|reallyExit|abort)\s*\(\s*(?:0|\))|\bprocess\.exitCode\s*=\s*0\b|\bprocess\.on\(\s*['"](?:exit|beforeExit|uncaughtException|unhandledRejection)['"]|\bprocess\.exit\s*=|\bDeno\.exit\(\s*0?\s*\)|\bos\._exit\(\s*0|\bsys\.exit\(\s*(?:0\s*)?\)|\batexit\.register|\bos\.Exit\(\s*0\s*\)|\b(?:std::)?process::exit\(\s*0\s*\)|\bSystem\.exit\(\s*0\s*\)|^\s*exit!?\s+0\b/;
/** What the test tools say about themselves to the program. */
const AWARE =
  /\bprocess\.env\.(?:VITEST|JEST_WORKER_ID|NODE_TEST_CONTEXT|VITEST_\w+|CYPRESS|PLAYWRIGHT_\w+)\b|\bimport\.meta\.(?:env\.VITEST|vitest)\b|\bPYTEST_CURRENT_TEST\b|['"](?:pytest|_pytest|unittest|nose)['"]\s+in\s+sys\.modules|\btesting\.Testing\(\)|\bflag\.Lookup\(\s*"test\.|\bstrings\.HasSuffix\(\s*os\.Args\[0\],\s*"\.test"|\bcfg!\(\s*test\s*\)|\b(?:inspect\.stack|sys\._getframe)\(.*(?:pytest|test)|\bnew Error\(\)\.stack\b.*\b(?:test|spec)\b|\bargv\b.*\b(?:pytest|vitest|jest|mocha)\b/;
/** For the whole file; a line of its own is the writer's to judge. */
const SILENCED =
  /@ts-nocheck\b|\/\*\s*eslint-disable\s*(?:\*\/|--)|\bbiome-ignore-all\b|^\s*#\s*(?:mypy:\s*ignore-errors|type:\s*ignore\s*$|ruff:\s*noqa\s*$|flake8[:=]\s*noqa\s*$|pylint:\s*(?:skip-file|disable-all|disable=all)|pyright:\s*(?:basic|ignore))|^\s*\/\/\s*nolint(?::all)?\s*$|#!\[allow\(\s*(?:warnings|clippy::all|unused|dead_code)\b|^\s*#\s*rubocop:disable\s+all\b|\b(?:istanbul|v8|c8)\s+ignore\s+file\b/;
const FRAMEWORK_FILE =
  /(?:^|\/)(?:conftest\.py|[\w.-]*(?:setup|teardown|setupTests|setup-tests|globalSetup)[\w.-]*\.[cm]?[jt]sx?)$/;
const RECORDED =
  /(?:^|\/)__snapshots__\/|\.(?:snap|ambr|approved\.\w+|golden|snapshot)$|(?:^|\/)(?:golden|snapshots?|expected)\/|(?:^|\/)[\w.-]*(?:expected|golden)[\w-]*\.\w+$/;

export function judgeEvasions(files: readonly FileChange[], isListed: (path: string) => boolean): Finding[] {
  return files.flatMap(file => {
    if (file.status === 'deleted' || file.binary) return [];
    return [...linesOf(file), ...(isListed(file.path) ? [] : recordedAgain(file))];
  });
}

function linesOf({ path, added, removed }: FileChange): Finding[] {
  const isTest = isOfTests(path) || FRAMEWORK_FILE.test(path);
  const isCode = /\.(?:[cm]?[jt]sx?|py|go|rs|rb|java|kt|cs)$/.test(path);
  if (!isCode) return [];
  const was = new Set(removed.map(({ text }) => text.trim()));
  return added.flatMap(({ line, text }): Finding[] => {
    if (was.has(text.trim())) return [];
    const find = (kind: string, what: string): Finding[] => [{ kind, path, line, text: what }];
    if (SILENCED.test(text)) return find('check_silenced', 'a check is switched off for the whole file');
    if (isTest && ENDS_RUN.test(text)) return find('test_hollow', 'ends the run of the tests itself');
    if (!isTest && AWARE.test(text)) return find('test_aware', 'asks whether it is being tested');
    return [];
  });
}

/** Results that were recorded and are others now; new ones are not looked at. */
function recordedAgain({ path, status, removed }: FileChange): Finding[] {
  if (status === 'added' || status === 'copied' || !RECORDED.test(path) || removed.length === 0) return [];
  if (
    !isOfTests(path) &&
    testRules(path) === null &&
    !/(?:^|\/)(?:testdata|tests?|spec|__snapshots__|fixtures)\//.test(path)
  )
    return [];
  return [{ kind: 'test_loosened', path, line: null, text: 'a recorded result is another one now' }];
}
