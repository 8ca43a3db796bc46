/**
 * What a test file is, what a test case is and what switches one off, per language. Patterns look at single lines and
 * are anchored where the language allows, so that text about tests is not taken for tests. Pure.
 */

interface Language {
  /** File extensions. */
  extensions: RegExp;
  /** Names that are tests wherever they are. */
  named: RegExp;
  /** A line that begins a test case. */
  test_case: RegExp;
  /** The line of a case tells which case it is, so that a case which moved to another file can be recognised. */
  titled: boolean;
  /** A line that switches tests off, or all others (`only`). */
  skip: RegExp;
}

const LANGUAGES: Language[] = [
  {
    extensions: /\.[cm]?[jt]sx?$/,
    named: /(?:\.|_|-)(?:test|spec|e2e|cy)\.[cm]?[jt]sx?$/,
    test_case: /^\s*(?:(?:it|test|specify)(?:\.(?!skip|todo)\w+)*\s*[(`]|Deno\.test\s*\()/,
    titled: true,
    skip: /^\s*(?:(?:it|test|describe|suite|context|specify)(?:\.\w+)*\.(?:skip|only|todo|fixme|skipIf|runIf|fails|failing)\b|(?:xit|xtest|xdescribe|xcontext|fit|fdescribe)\s*[(.`]|(?:it|test|describe|suite)\s*\(.*\{[^}]*\b(?:skip|todo|only)\s*:\s*(?:true|['"`])|(?:t|this|ctx|context)\.(?:skip|todo)\s*\()/,
  },
  {
    extensions: /\.py$/,
    named: /(?:^|\/)(?:test_[^/]*|[^/]*_test|tests)\.py$/,
    test_case: /^\s*(?:async\s+)?def\s+test\w*\s*\(/,
    titled: true,
    skip: /^\s*(?:@(?:pytest\.mark\.(?:skip|skipif|xfail)|unittest\.(?:skip|skipIf|skipUnless|expectedFailure))\b|(?:pytest\.(?:skip|xfail|exit)|self\.skipTest)\s*\(|__test__\s*=\s*False|collect_ignore|@pytest\.mark\.parametrize\(.*,\s*\[\s*\]|pytestmark\s*=.*\b(?:skip|xfail)|raise\s+(?:unittest\.)?SkipTest)/,
  },
  {
    extensions: /\.go$/,
    named: /_test\.go$/,
    test_case: /^func\s+(?:Test|Fuzz|Benchmark|Example)\w*\s*\(|^\s*(?:t|s)\.Run\(/,
    titled: true,
    skip: /^\s*(?:t|b|f|s\.T\(\)|tb)\.Skip(?:f|Now)?\(|^\/\/go:build\s+(?:ignore|never|none|skip|disabled|tools)\b/,
  },
  {
    extensions: /\.rs$/,
    named: /(?:^|\/)tests\/[^/]+\.rs$|(?:_test|_tests|\/tests?)\.rs$/,
    test_case: /^\s*#\[(?:\w+::)*test\b/,
    titled: false,
    skip: /^\s*#!?\[(?:ignore\b|cfg_attr\(.*\bignore\b|cfg\((?:any\(\)|FALSE|false|not\(test\)|feature\s*=\s*"(?:never|disabled|none|skip)")\))/,
  },
  {
    extensions: /\.(?:java|kt|kts|scala|groovy|cs)$/,
    named: /(?:Test|Tests|IT|Spec)\.(?:java|kt|scala|groovy|cs)$/,
    test_case:
      /^\s*(?:@(?:Test|ParameterizedTest|RepeatedTest|TestFactory)\b|\[(?:Fact|Theory|Test|TestMethod)\b)/,
    titled: false,
    skip: /^\s*(?:@(?:Disabled|Ignore|Ignored)\b|\[Ignore\b|\[(?:Fact|Theory)\(.*Skip\s*=)/,
  },
  {
    extensions: /\.rb$/,
    named: /(?:_spec|_test)\.rb$|(?:^|\/)test_[^/]*\.rb$/,
    test_case:
      /^\s*(?:(?:it|specify|scenario|example|test)\s*[( ]\s*['"]|(?:it|specify)\s*(?:\{|do\b)|def\s+test_)/,
    titled: true,
    skip: /^\s*(?:(?:xit|xdescribe|xcontext|xspecify|fit|fdescribe|fcontext|pending)\b|skip(?:\s*$|\s*[('"]|\s+['"]))/,
  },
  {
    extensions: /\.(?:sh|bash|zsh|bats|t)$/,
    named:
      /\.bats$|(?:_test|-test|\.test)\.(?:sh|bash|zsh)$|(?:^|\/)test[_-][^/]*\.(?:sh|bash|zsh)$|(?:^|\/)t\/[^/]+\.(?:t|sh)$/,
    test_case: /^\s*(?:@test\s|(?:function\s+)?test_\w+\s*\(\)|test_expect_success\b)/,
    titled: true,
    skip: /^\s*skip(?:\s*$|\s+['"\w])/,
  },
];

const TEST_FOLDER = /(?:^|\/)(?:tests?|specs?|__tests__|androidTest|e2e)\//;

/** A file that belongs to the tests: a test by its name, or whatever lies with them (their helpers, data, snapshots). */
export function isOfTests(path: string): boolean {
  return TEST_FOLDER.test(path) || /(?:^|\/)__snapshots__\//.test(path) || (testRules(path)?.named ?? false);
}

export interface TestRules {
  /** The name alone says that it is a test. */
  named: boolean;
  /** It lies in a folder of tests: it is one if it has cases. */
  in_folder: boolean;
  titled: boolean;
  isCase(line: string): boolean;
  isSkip(line: string): boolean;
}

/** null when this is no file in which tests are looked for. */
export function testRules(path: string): TestRules | null {
  const language = LANGUAGES.find(l => l.extensions.test(path));
  if (language === undefined) return null;
  const named = language.named.test(path);
  const in_folder = TEST_FOLDER.test(path);
  // Rust keeps unit tests next to the code; the attribute is unmistakable.
  if (!named && !in_folder && !path.endsWith('.rs')) return null;
  return {
    named,
    in_folder,
    titled: language.titled,
    isCase: line => language.test_case.test(line),
    isSkip: line => language.skip.test(line),
  };
}
