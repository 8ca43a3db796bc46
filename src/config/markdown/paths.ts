/**
 * Lists of files in a plan: a label such as `**Files:**` or `Tests:`, with paths behind it or in the list below it. What
 * is written there and is no path is a problem with its line, since it might be meant to permit something.
 */
import { pathProblem } from '../../util/plain-path.ts';
import type { Place, Problems } from '../problems.ts';

export type PathKind = 'files' | 'tests';

export interface Label {
  kind: PathKind;
  /** What stands behind the colon; '' where the list is below. */
  rest: string;
}

export interface Paths {
  files: string[];
  tests: string[];
}

const DOING =
  '(?:to )?(?:create|modify|change|touch|edit|update|add|delete)s?(?:[/,]\\s?(?:create|modify|change|edit|update|add|delete)s?)*';
const LABEL = new RegExp(
  `^(?:\\*\\*|__)?(?:(tests|test files?)|(?:affected |key |target |relevant )?files?(?: ${DOING}| touched)?)(?:\\*\\*|__)?:(?:\\*\\*|__)?(?:$|\\s+(\\S.*)$|(?=\`)(.*)$)`,
  'i',
);

/** The label that a line begins with. */
export function labelOf(line: string): Label | null {
  const label = LABEL.exec(line.trim());
  if (label === null) return null;
  return { kind: label[1] === undefined ? 'files' : 'tests', rest: (label[2] ?? label[3] ?? '').trim() };
}

const NOTHING = /^(?:[-–—]|none|n\/a|tbd|nothing|no changes?)\.?$/i;
/** In front of a path: what is done with the file. */
const ACTION =
  /^(?:\*\*|__)?(create|modify|update|edit|add|new|delete|remove|change|extend|read|move|rename|tests?)\b(?:\s+files?)?(?:\*\*|__)?\s*:?(?:\*\*|__)?\s+(?=\S)/i;
const CODE = /^`+([^`]+)`+/;
const LINK = /^\[([^[\]]*)\]\(([^()\s]+)\)/;
/** Between one path and the next. */
const NEXT = /^\s*(?:,|;|&|\+|and\b|→|->)\s*/i;
/** After a path: where in it, or what it is for. */
const REMARK = /^(?:\s*(?:\(.*|\[.*)|\s+(?:[-–—:#→=].*)|\s*:\s.*|\s*,?\s*)$/s;
const LINES =
  /(?::\d+(?:[-–:]\d+)*(?:,\s?\d+(?:[-–]\d+)?)*|#L\d+(?:-L?\d+)?|\s\(?lines? \d+(?:[-–]\d+)?\)?)$/;

/** Takes one line of a list, or what stands behind a label, into `into`. */
export function takePaths(text: string, kind: PathKind, at: Place, into: Paths, problems: Problems): void {
  // A bold path is one; the stars of a glob stand in backquotes, or inside of a path.
  const line = text
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replace(/^\*\*(?=[`\w.[])([^*]+)\*\*/, '$1');
  if (line === '' || NOTHING.test(line) || /^\([^()]*\)$/.test(line)) return;
  const found = pathsIn(line, kind);
  if (found === null)
    problems.add(
      at,
      '',
      `"${line.slice(0, 80)}" under "${kind === 'files' ? 'Files' : 'Tests'}:" is not a path; write paths alone, in backquotes, and anything else under another name`,
    );
  for (const { path, is_test } of found ?? []) {
    const wrong = pathProblem(path);
    if (wrong !== null) problems.add(at, '', `"${(path || line).slice(0, 80)}" ${wrong}`);
    else if (kind === 'tests') into.tests.push(path);
    else {
      into.files.push(path);
      if (is_test) into.tests.push(path);
    }
  }
}

/** null: it does not read as paths, with a remark at its end perhaps. */
function pathsIn(line: string, kind: PathKind): { path: string; is_test: boolean }[] | null {
  const paths: { path: string; is_test: boolean }[] = [];
  let is_test = kind === 'tests';
  let rest = line;
  for (;;) {
    const action = ACTION.exec(rest);
    if (action) {
      is_test = kind === 'tests' || /^test/i.test(action[1]!);
      rest = rest.slice(action[0].length);
    }
    const code = CODE.exec(rest);
    const link = code ? null : LINK.exec(rest);
    const bare = code || link ? null : /^[^\s,;()`]+/.exec(rest);
    const token = code ?? link ?? bare;
    if (token === null) return null;
    const path = link ? link[2]! : (code ? code[1]! : token[0].replace(/^(["'*_]+)(.*)\1$/, '$2')).trim();
    // An address of the web is no file.
    if (/^[a-z][a-z+.-]*:\/\//i.test(path)) return null;
    paths.push({ path: path.replace(LINES, '').replace(/:$/, ''), is_test });
    rest = rest.slice(token[0].length);
    const next = NEXT.exec(rest);
    if (next && rest.length > next[0].length) rest = rest.slice(next[0].length);
    else return REMARK.test(rest) ? paths : null;
  }
}
