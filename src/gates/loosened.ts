/**
 * Checks that are still there and no longer check: fewer assertions, assertions that cannot fail, wider tolerances, and
 * scripts that run the tests, made to succeed. Used by the diff gate. Pure; looks at changed
 * lines alone, so it says where to look, and a person decides.
 */
import type { ChangedLine, FileChange } from '../git/changes.ts';
import type { Finding } from './gate.ts';
import { testRules } from './test-rules.ts';

const ASSERTION =
  /(?:^|[^\w.])(?:expect|assert\w*!?|should|verify)\s*[.(!]|^\s*assert\s|\brequire\.[A-Z]\w*\(|\bself\.assert\w+\(|\b[tb]\.(?:Error|Fatal|Fail)\w*\(|\.should\b/;
/** The same value on both sides, or a literal alone. */
const HOLLOW =
  /\bexpect\(\s*(true|false|1|0|null|'[^']*'|"[^"]*")\s*\)\.(?:toBe|toEqual|toStrictEqual)\(\s*\1\s*\)|\bexpect\(\s*(?:true|1)\s*\)\.(?:toBeTruthy|toBeDefined|to\.be\.true)\b|\bassert(?:\.ok|!)?\(\s*(?:true|1)\s*[,)]|\bassert\.(?:equal|strictEqual)\(\s*(\w+)\s*,\s*\2\s*[,)]|^\s*assert\s+(?:True|1)\s*(?:$|,|#)|\bassert\w*True\(\s*(?:true|True)\s*[,)]/;
/** Group 1: its number counts digits, so a larger one is stricter. */
const TOLERANCE =
  /\b(toBeCloseTo)\(|\b(?:approx|isclose|InDelta|closeTo|tolerance|epsilon|delta|atol|rtol)\b/i;
const NUMBER = /\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b/gi;

const RECIPES =
  /(?:^|\/)(?:Makefile|GNUmakefile|[Jj]ustfile|Taskfile\.ya?ml|tox\.ini|noxfile\.py|[^/]+\.(?:mk|sh|bash))$/;
const FORGIVING = /(?:\|\||;)\s*(?:true|:|exit 0)\s*(?:$|[;"'&#])|--passWithNoTests\b|--exit-zero\b/;
const RUNS_CHECKS =
  /\b(?:test|tests|pytest|vitest|jest|mocha|tox|nox|lint|eslint|biome|ruff|mypy|tsc|check|clippy)\b/;

/** `isListed`: the subtask may change this file. */
export function judgeLoosened(files: readonly FileChange[], isListed: (path: string) => boolean): Finding[] {
  const assertions = new Set(files.filter(isTest).flatMap(f => f.added.filter(isAssertion).map(textOf)));
  return files.flatMap(file => {
    if (file.status === 'deleted' || file.binary) return [];
    const found = isTest(file) ? loosened(file, assertions) : scripts(file);
    const fresh = file.status === 'added' || file.status === 'copied';
    // Which assertions a listed file has is the subtask's to say; none may be hollow.
    return found.filter(({ kind }) => kind === 'test_hollow' || (!fresh && !isListed(file.path)));
  });
}

/** Rust keeps tests beside the code, in the same file. */
const isTest = (file: FileChange) => testRules(file.path) !== null;
const isPlainTest = (path: string) => {
  const rules = testRules(path);
  return rules !== null && (rules.named || rules.in_folder);
};
const isAssertion = ({ text }: ChangedLine) => ASSERTION.test(text);
const textOf = ({ text }: ChangedLine) => text.trim();

function loosened(file: FileChange, everywhere: ReadonlySet<string>): Finding[] {
  const { path } = file;
  const isHollow = ({ text }: ChangedLine) => HOLLOW.test(text);
  const hollow = file.added.filter(isHollow).slice(file.removed.filter(isHollow).length);
  const solid = file.added.filter(line => isAssertion(line) && !isHollow(line));
  // One that moved word for word, also to another test file, is not gone.
  const removed = file.removed.filter(line => isAssertion(line) && !isHollow(line));
  const gone = removed.filter(line => !everywhere.has(textOf(line)));
  const kept = solid.filter(line => !removed.some(other => textOf(other) === textOf(line)));
  const fewer = gone.length - kept.length;
  return [
    ...hollow.map(({ line }) => ({ kind: 'test_hollow', path, line, text: 'an assertion that cannot fail' })),
    ...(fewer > 0
      ? [
          {
            kind: 'test_loosened',
            path,
            line: null,
            text: `${fewer} fewer assertion${fewer === 1 ? '' : 's'}`,
          },
        ]
      : []),
    ...(isPlainTest(path) ? wider(file) : []).map(({ line }) => ({
      kind: 'test_loosened',
      path,
      line,
      text: 'a tolerance is wider',
    })),
  ];
}

/** Added lines that are removed ones but for a number that now allows more. */
function wider(file: FileChange): ChangedLine[] {
  const shape = (text: string) => text.trim().replace(NUMBER, '#');
  return file.added.filter(({ text }) => {
    const tolerance = TOLERANCE.exec(text);
    const before = tolerance && file.removed.find(old => shape(old.text) === shape(text));
    if (!before) return false;
    const [now, then] = [text, before.text].map(t => Number(t.match(NUMBER)?.at(-1)));
    return tolerance[1] ? now! < then! : now! > then!;
  });
}

function scripts(file: FileChange): Finding[] {
  const { path } = file;
  if (!RECIPES.test(path)) return [];
  return file.added
    .filter(({ text }) => FORGIVING.test(text) && RUNS_CHECKS.test(text))
    .map(({ line }) => ({
      kind: 'test_script',
      path,
      line,
      text: 'a check is made to succeed whatever it finds',
    }));
}
