/**
 * Do paths match git pathspecs? The semantics of gitglossary(7) without a working folder: a path itself, a folder
 * before it, or a glob in which `*` also crosses folders; `:(glob)`, `:(icase)`, `:(literal)`, `:(top)`, `:/`, `:!`.
 * Pure. A pattern with unknown magic matches everything: protecting too much is seen, protecting nothing is not.
 */
import { posix } from 'node:path';

export type PathMatcher = (path: string) => boolean;

interface Spec {
  exclude: boolean;
  matches: PathMatcher;
}

/**
 * True for paths that some pattern matches and no `:!` pattern takes back. No patterns: nothing matches. Paths are those of
 * the repository; patterns are relative to `folder` in it ('': its top), but for `:(top)` and `:/`, as with git.
 */
export function pathMatcher(patterns: readonly string[], folder = ''): PathMatcher {
  const specs = patterns.map(pattern => parse(pattern, folder));
  const takes = specs.filter(spec => !spec.exclude);
  const exceptions = specs.filter(spec => spec.exclude);
  // As in git: only exceptions means all but these.
  const isAll = takes.length === 0 && exceptions.length > 0;
  return path =>
    (isAll || takes.some(spec => spec.matches(path))) && !exceptions.some(spec => spec.matches(path));
}

function parse(pattern: string, folder: string): Spec {
  const magic = new Set<string>();
  let rest = pattern;
  const long = /^:\(([^)]*)\)/.exec(pattern);
  if (long) {
    for (const word of long[1]!.split(',')) if (word !== '') magic.add(word.trim());
    rest = pattern.slice(long[0].length);
  } else if (pattern.startsWith(':')) {
    const short = /^:([!^/]*):?/.exec(pattern)!;
    for (const sign of short[1]!) magic.add(sign === '/' ? 'top' : 'exclude');
    rest = pattern.slice(short[0].length);
  }
  const exclude = magic.delete('exclude');
  const is_top = magic.delete('top');
  const icase = magic.delete('icase');
  const literal = magic.delete('literal');
  const glob = magic.delete('glob');
  if (magic.size > 0) return { exclude, matches: () => !exclude };
  const how = { icase, literal, glob };
  if (is_top || folder === '') return { exclude, matches: matcher(rest, how) };
  // The name of the folder is no pattern, whatever it has in it.
  const up = /^(?:\.\.?\/)*(?:\.\.?$)?/.exec(rest)![0];
  const from = posix.join(folder, up || '.').replace(/\/$/, '');
  if (from === '..' || from.startsWith('../')) return { exclude, matches: () => false };
  const matches = matcher(rest.slice(up.length), how);
  const below = from === '.' ? '' : `${from}/`;
  return { exclude, matches: path => path.startsWith(below) && matches(path.slice(below.length)) };
}

function matcher(pattern: string, how: { icase: boolean; literal: boolean; glob: boolean }): PathMatcher {
  const plain = pattern.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
  if (plain === '' || plain === '.') return () => true;
  const fold = (text: string) => (how.icase ? text.toLowerCase() : text);
  const wanted = fold(plain);
  const isBelow = (path: string) => fold(path) === wanted || fold(path).startsWith(`${wanted}/`);
  if (how.literal || !/[*?[\\]/.test(plain)) return isBelow;
  const expression = new RegExp(`^${translate(plain, how.glob)}(?:/.*)?$`, how.icase ? 'isu' : 'su');
  return path => expression.test(path) || isBelow(path);
}

/** A glob as a regular expression. In glob mode `*` and `?` stay within a folder and only `**` crosses. */
function translate(glob: string, pathname: boolean): string {
  let out = '';
  for (let i = 0; i < glob.length; ) {
    const rest = glob.slice(i);
    const anyFolders = pathname ? /^\*\*\//.exec(rest) : null;
    const set = /^\[[!^]?\]?[^\]/]*\]/.exec(rest);
    if (anyFolders && (i === 0 || glob[i - 1] === '/')) {
      out += '(?:[^/]+/)*';
      i += 3;
    } else if (rest.startsWith('**')) {
      out += '.*';
      i += 2;
    } else if (rest.startsWith('*')) {
      out += pathname ? '[^/]*' : '.*';
      i += 1;
    } else if (rest.startsWith('?')) {
      out += pathname ? '[^/]' : '.';
      i += 1;
    } else if (set) {
      out += setOf(set[0]);
      i += set[0].length;
    } else {
      const isEscape = rest.startsWith('\\') && rest.length > 1;
      const character = [...rest.slice(isEscape ? 1 : 0)][0]!;
      out += quote(character);
      i += character.length + (isEscape ? 1 : 0);
    }
  }
  return out;
}

function setOf(text: string): string {
  const body = text.slice(1, -1);
  const isNegated = /^[!^]/.test(body);
  const inside = (isNegated ? body.slice(1) : body).replace(/[\\\]^[&~|(){}/]/g, '\\$&');
  // A set that is no set (a range that runs backwards) matches its own characters and nothing else.
  const made = `[${isNegated ? '^' : ''}${inside}]`;
  try {
    new RegExp(made, 'u');
    return made;
  } catch {
    return quote(text);
  }
}

const quote = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
