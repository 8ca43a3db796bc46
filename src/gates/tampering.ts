/**
 * Source that makes its own checks pass: it ends the process that tests it, replaces what asserts or compares, gives values
 * that are equal to everything, or knows the tools of tests. Used by the diff gate for what is no test. Pure; looks at added
 * lines, so it says where to look, and a person decides.
 */
import type { ChangedLine, FileChange } from '../git/changes.ts';
import type { Finding } from './gate.ts';
import { isOfTests } from './test-rules.ts';

const CODE = /\.(?:[cm]?[jt]sx?|py|go|rs)$/;
/** A program ends itself; what is loaded by others does not. */
const PROGRAM =
  /(?:^|\/)(?:bin|cli|cmd|commands?|scripts?|tools?|examples?|benches|workers?|hack|build|ci)\/|(?:^|\/)(?:__main__|_?main|cli|index|server|app|run|start|worker|daemon|manage|setup|build|bootstrap|[\w-]*-cli|[\w.-]*(?:entry|script|runner|launch)[\w.-]*)\.\w+$/i;
const ENDS_WELL =
  /\bprocess\.(?:exit\s*\(\s*(?:0\s*)?\)|reallyExit\s*\(\s*(?:0\s*)?\)|exitCode\s*=\s*0\b|exit\s*=[^=])|\bDeno\.exit\(\s*0?\s*\)|\bsys\.exit\(\s*(?:0\s*|None\s*)?\)|\bos\._exit\(|\bos\.Exit\(\s*0\s*\)|\bprocess::exit\(\s*0\s*\)|\braise\s+SystemExit\(?\s*0?\s*\)?\s*$/;
/** A signal is a wish to end. */
const ON_SIGNAL = /\bprocess\.on(?:ce)?\(\s*['"]SIG|\bsignal\.signal\(/;
const HEARS_END = /\bprocess\.on(?:ce)?\(\s*['"](?:exit|beforeExit|uncaughtException|unhandledRejection)['"]/;

const ASSERTS =
  /\bassert\w*(?:\.\w+)+\s*=[^=>]|\bObject\.(?:assign|defineProperty)\(\s*(?:assert\w*\b|\w+\.default\b|expect\b)|\bexpect\.extend\(|\bunittest\.(?:\w+\.)*TestCase\.\w+\s*=[^=]|\bsetattr\(\s*(?:unittest|pytest|_pytest)\b|\bmacro_rules!\s*(?:assert\w*|debug_assert\w*|panic)\b/;
const BUILT_IN =
  /^\s*(?:Object|Array|String|Number|Boolean|Math|JSON|Reflect|Promise|Function|Map|Set|Symbol|Error)(?:\.prototype)?\.\w+\s*=[^=>]|^\s*(?:builtins|__builtins__)\.\w+\s*=[^=]|^\s*globalThis\.(?:test|it|describe|expect|assert)\s*=[^=]/;
const EQUAL_TO_ALL =
  /\basymmetricMatch\b|\bjest\.asymmetricMatcher\b|\b__eq__\s*=\s*lambda[^:]*:\s*True\b|\bdef __eq__\(.*\).*:\s*return\s+True\b|\bfn eq\([^)]*\)\s*->\s*bool\s*\{\s*true\s*\}/;
const EQ_HEAD = /\bdef __(?:eq|ne|lt|gt)__\(|\bfn (?:eq|ne)\(/;
const ALWAYS = /^\s*(?:return\s+True|true)\s*;?\s*$/;
const KNOWS_TOOLS =
  /\b(?:from|require\(|import\(|import)\s*['"](?:vitest|jest|@jest\/\S+|mocha|chai|node:test|ava|tap|uvu|@playwright\/test)['"]|^\s*(?:import|from)\s+(?:_pytest|pytest|unittest|nose2?|hypothesis)\b/;
const KNOWS_RUN =
  /\bprocess\.env\.npm_lifecycle_(?:event|script)\b|\bsys\.modules\b.*\b_?pytest|\b_?pytest\b.*\bsys\.modules\b|(?:\b(?:argv|stack|filename|co_filename)\b|\bargs\(\)).*['"][^'"]*(?:\btests?\b|\.spec\b|\bdeps\b|\.test\b)[^'"]*['"]|['"][^'"]*\btests?\b[^'"]*['"]\s+in\s+(?:inspect|traceback|sys\.argv)|\bNODE_TEST\w*\b|\bCARGO_(?:TARGET_TMPDIR|BIN_EXE_)/;

/** A build that writes where tests or source are. */
const BUILD = /(?:^|\/)(?:build\.rs|setup\.py)$/;
const WRITES_THERE =
  /\b(?:write|remove|create|rename|copy|unlink|rmtree|open)\w*\(.*["'](?:\.\/)?(?:tests?|src|benches)\//;

export function judgeTampering(files: readonly FileChange[]): Finding[] {
  return files.flatMap(file => {
    const { path, status, binary, added, removed } = file;
    if (status === 'deleted' || binary || !CODE.test(path) || isOfTests(path) || isSetting(path)) return [];
    const was = new Set(removed.map(({ text }) => text.trim()));
    const isProgram =
      PROGRAM.test(path) || added.some(({ line, text }) => line === 1 && text.startsWith('#!'));
    return added.flatMap((line, i): Finding[] => {
      if (was.has(line.text.trim())) return [];
      if (BUILD.test(path) && WRITES_THERE.test(line.text))
        return [
          { kind: 'tampering', path, line: line.line, text: 'writes into tests or source while it builds' },
        ];
      const what = whatOf(line.text, added[i + 1], isProgram);
      return what === null ? [] : [{ kind: what[0], path, line: line.line, text: what[1] }];
    });
  });
}

/** What a test tool loads before the tests is looked at elsewhere. */
const isSetting = (path: string) => /(?:^|\/)conftest\.py$|\.config\.[cm]?[jt]s$/.test(path);

function whatOf(text: string, next: ChangedLine | undefined, isProgram: boolean): [string, string] | null {
  const code = text.replace(/(?:^|\s)(?:\/\/|#(?!!?\[)).*$/, '');
  const bare = code.replaceAll(/(['"`])(?:\\.|(?!\1).)*\1/g, "''");
  if (ASSERTS.test(bare)) return ['tampering', 'replaces what asserts'];
  if (BUILT_IN.test(bare)) return ['tampering', 'replaces what the language gives'];
  const isAlways = EQ_HEAD.test(bare) && next !== undefined && ALWAYS.test(next.text);
  if (isAlways || EQUAL_TO_ALL.test(code)) return ['tampering', 'gives a value that is equal to everything'];
  if (KNOWS_TOOLS.test(code)) return ['test_aware', 'uses a tool of tests outside of them'];
  if (KNOWS_RUN.test(code)) return ['test_aware', 'asks whether it is being tested'];
  if (isProgram || ON_SIGNAL.test(code)) return null;
  const ends = ENDS_WELL.test(bare) || HEARS_END.test(code);
  return ends ? ['tampering', 'ends the process that it is loaded by, or changes how that ends'] : null;
}
