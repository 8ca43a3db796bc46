/**
 * What an attempt changed in the files that decide what its gates mean. Files that serve nothing else may not change unseen;
 * the others are parsed and compared key by key, since most changes to them (a dependency, a script, a target) are
 * ordinary work. Used by the diff gate. Pure.
 */
import { type ParseError, parse as parseJsonc } from 'jsonc-parser';
import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';
import type { FileChange } from '../../git/changes.ts';
import type { Finding } from '../gate.ts';
import { configOf, shadowOf } from './files.ts';
import { iniFindings } from './ini.ts';
import { LINES, lineFindings } from './lines.ts';
import { makefileFindings } from './makefile.ts';
import { packageFindings } from './package-json.ts';
import { pythonFindings, rustFindings, typescriptFindings, workspaceFindings } from './tables.ts';

type Gates = readonly (readonly string[])[];

interface Kind {
  name: RegExp;
  parse(text: string): unknown;
  compare(before: never, after: never, gates: Gates): string[];
  /** What a file that is new is compared with; absent: it decides about its own folder alone. */
  nothing?: unknown;
}

const plain = (text: string) => text;
const KINDS: readonly Kind[] = [
  {
    name: /(?:^|\/)package\.json$/,
    parse: text => JSON.parse(text.replace(/^\uFEFF/, '')),
    compare: packageFindings,
  },
  { name: /(?:^|\/)pyproject\.toml$/, parse: parseToml, compare: pythonFindings, nothing: {} },
  { name: /(?:^|\/)Cargo\.toml$/, parse: parseToml, compare: rustFindings },
  {
    name: /(?:^|\/)(?:pnpm-workspace\.ya?ml)$/,
    parse: text => parseYaml(text, { maxAliasCount: 100 }),
    compare: workspaceFindings,
    nothing: {},
  },
  { name: /(?:^|\/)[tj]sconfig(?:[.-][\w.-]+)?\.json$/, parse: jsonc, compare: typescriptFindings },
  { name: /(?:^|\/)(?:GNUm|M|m)akefile$|\.mk$/, parse: plain, compare: makefileFindings },
  { name: /(?:^|\/)(?:setup\.cfg|tox\.ini)$/, parse: plain, compare: iniFindings, nothing: '' },
];

/** Its whole text is compared. */
export const isCompared = (path: string): boolean => kindOf(path) !== undefined;

const kindOf = (path: string) => KINDS.find(({ name }) => name.test(path));

/** `isGiven`: the user's plan names this very file as one that may change. */
export function judgeConfig(
  files: readonly FileChange[],
  gates: Gates,
  isGiven: (path: string) => boolean,
): Finding[] {
  return files.flatMap(file => {
    if (isGiven(file.path)) return [];
    const found = [...new Set(findingsOf(file, gates))];
    return found.map(text => ({ kind: 'gate_config', path: file.path, line: null, text }));
  });
}

function findingsOf(file: FileChange, gates: Gates): string[] {
  const paths = file.status === 'renamed' ? [file.path, file.old_path!] : [file.path];
  for (const path of paths) {
    const what = configOf(path);
    if (what !== null) return [what];
  }
  const isNew = file.status === 'added' || file.status === 'copied' || file.status === 'renamed';
  const shadow = isNew ? shadowOf(file.path) : null;
  if (shadow !== null) return [shadow];
  const kind = paths.map(kindOf).find(found => found !== undefined);
  if (kind) return compared(file, kind, gates);
  return LINES.some(({ name }) => name.test(file.path)) ? lineFindings(file) : [];
}

function compared(file: FileChange, { parse, compare, nothing }: Kind, gates: Gates): string[] {
  const { whole, status } = file;
  const hasMoved = status === 'renamed' && nameOf(file.path) === nameOf(file.old_path!);
  if ((status === 'renamed' && !hasMoved) || status === 'type_changed')
    return ['has another name or is no plain file now'];
  if (!whole) return ['is too large to be compared'];
  if (whole.after === null) return ['was deleted'];
  const read = (text: string) => {
    try {
      return { value: parse(text) as never };
    } catch {
      return null;
    }
  };
  const after = read(whole.after);
  if (whole.before === null)
    return nothing === undefined || after === null ? [] : compare(nothing as never, after.value, gates);
  const before = read(whole.before);
  // What could not be read before can only be mended.
  if (before === null) return [];
  return after === null ? ['cannot be read any more'] : compare(before.value, after.value, gates);
}

const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);

function jsonc(text: string): unknown {
  const errors: ParseError[] = [];
  const value = parseJsonc(text.replace(/^\uFEFF/, ''), errors, { allowTrailingComma: true });
  if (errors.length > 0) throw new SyntaxError('not JSON');
  return value;
}
