/**
 * Ways around a check that leave it as it was: a run of tests that ends itself well, a program that notices that it is
 * tested, a check that is switched off for a whole file, recorded results that were recorded again. Used by the diff gate.
 * Pure; looks at added lines, so it says where to look, and a person decides.
 */
import type { FileChange } from '../git/changes.ts';
import type { Finding } from './gate.ts';
import { isOfTests, testRules } from './test-rules.ts';

/** Ends the run, where a test or what is loaded with it says so; a program that a test starts may well end so. */
const ENDS_RUN =
  /\bprocess\.exit\s*\(\s*(?:0|\))|\bDeno\.exit\(\s*0?\s*\)|\bsys\.exit\(\s*(?:0\s*)?\)|\bos\.Exit\(\s*0\s*\)|\b(?:std::)?process::exit\(\s*0\s*\)|\bSystem\.exit\(\s*0\s*\)|^\s*exit!?\s+0\b/;
/** Changes how a run ended. */
const CHANGES_END =
  /\bprocess\.(?:reallyExit|abort)\s*\(|\bprocess\.exitCode\s*=\s*0\b|\bprocess\.exit\s*=|\bos\._exit\(\s*0|\batexit\.register/;
const HEARS_END = /\bprocess\.on\(\s*['"](?:exit|beforeExit|uncaughtException|unhandledRejection)['"]/;
const TEXTS = /(['"`])(?:\\.|(?!\1).)*\1/g;
/** What the test tools say about themselves to the program. */
const AWARE =
  /\bprocess\.env\.(?:VITEST|JEST_WORKER_ID|NODE_TEST_CONTEXT|VITEST_\w+|CYPRESS|PLAYWRIGHT_\w+)\b|\bimport\.meta\.(?:env\.VITEST|vitest)\b|\bPYTEST_CURRENT_TEST\b|['"](?:pytest|_pytest|unittest|nose)['"]\s+in\s+sys\.modules|\btesting\.Testing\(\)|\bflag\.Lookup\(\s*"test\.|\bstrings\.HasSuffix\(\s*os\.Args\[0\],\s*"\.test"|\bcfg!\(\s*test\s*\)|\b(?:inspect\.stack|sys\._getframe)\(.*(?:pytest|test)|\bnew Error\(\)\.stack\b.*\b(?:test|spec)\b|\bargv\b.*\b(?:pytest|vitest|jest|mocha)\b/;
/** For the whole file; a line of its own is the writer's to judge. */
const SILENCED =
  /@ts-nocheck\b|\/\*\s*eslint-disable\s*(?:\*\/|--)|\bbiome-ignore-all\b|^\s*#\s*(?:mypy:\s*ignore-errors|type:\s*ignore\s*$|ruff:\s*noqa\s*$|flake8[:=]\s*noqa\s*$|pylint:\s*(?:skip-file|disable-all|disable=all)|pyright:\s*(?:basic|ignore))|^\s*\/\/\s*nolint(?::all)?\s*$|#!\[allow\(\s*(?:warnings|clippy::all|unused|dead_code)\b|^\s*#\s*rubocop:disable\s+all\b|\b(?:istanbul|v8|c8)\s+ignore\s+file\b/;
/** For one line, and nothing says why; `@ts-expect-error` and a reason are how it is done. */
const IGNORED = /(?:\/\/|\/\*)\s*@ts-ignore\s*(?:\*\/\s*)?$/;
/** Tests beside the source, built on some machines or never. */
const OF_TESTS = /^\s*#\[cfg\(test\)\]\s*$/;
const OF_SOME_TESTS = /^\s*#\[cfg\(.*\btest\b.*,|^\s*#\[cfg\(.*,\s*test\b/;
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
  const isRun = (testRules(path)?.named ?? false) || FRAMEWORK_FILE.test(path);
  const isCode = /\.(?:[cm]?[jt]sx?|py|go|rs|rb|java|kt|cs)$/.test(path);
  if (!isCode) return [];
  const was = new Set(removed.map(({ text }) => text.trim()));
  return added.flatMap(({ line, text }): Finding[] => {
    if (was.has(text.trim())) return [];
    const find = (kind: string, what: string): Finding[] => [{ kind, path, line, text: what }];
    if (SILENCED.test(text)) return find('check_silenced', 'a check is switched off for the whole file');
    if (IGNORED.test(text))
      return find('check_silenced', 'a check is switched off for a line, and no reason given');
    if (OF_SOME_TESTS.test(text) && removed.some(line => OF_TESTS.test(line.text)))
      return find('test_skipped', 'tests are built on some machines alone, or never');
    if (isTest && endsRun(text, isRun)) return find('test_hollow', 'ends the run of the tests itself');
    if (!isTest && AWARE.test(text)) return find('test_aware', 'asks whether it is being tested');
    return [];
  });
}

/** What stands in quotes is for another program. `isRun`: the file is a test, or loaded before them. */
function endsRun(text: string, isRun: boolean): boolean {
  const code = text.replaceAll(TEXTS, "''");
  if (CHANGES_END.test(code) || (isRun && ENDS_RUN.test(code))) return true;
  return /\bprocess\.on\(/.test(code) && HEARS_END.test(text);
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
