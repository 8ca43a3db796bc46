/**
 * Walks the tree of one configuration file against the table of keys and gives the values that it writes, each under
 * its first name and with its place. Unknown keys, wrong kinds and contradictions become problems.
 */
import { nearest } from '../util/nearest.ts';
import { join, reporter } from './fields.ts';
import { ALIASES, KEYS, type KeyName } from './keys.ts';
import { type Entry, found, isNothing, type MapNode, type Node } from './node.ts';
import type { Place, Problems } from './problems.ts';

export interface Written {
  value: unknown;
  /** The name that the user used. */
  as: string;
  file: string;
  at: Place;
}

/** The key that a path leads to: itself, or the one it is another name of. */
export function keyOf(path: string): KeyName | null {
  if (Object.hasOwn(KEYS, path)) return path as KeyName;
  return Object.hasOwn(ALIASES, path) ? ALIASES[path]! : null;
}

const ALL = [...Object.keys(KEYS), ...Object.keys(ALIASES)];

/** Group → the names in it; '' is the top. */
const GROUPS = new Map<string, Set<string>>();
for (const path of ALL) {
  const parts = path.split('.');
  parts.forEach((part, index) => {
    const group = parts.slice(0, index).join('.');
    GROUPS.set(group, (GROUPS.get(group) ?? new Set()).add(part));
  });
}

/** Keys for editors, allowed at the top of every file. */
const EDITOR_KEYS = new Set(['$schema']);

export function walkConfig(tree: Node | null, problems: Problems): Map<KeyName, Written> {
  const written = new Map<KeyName, Written>();
  if (tree === null || isNothing(tree)) return written;
  if (tree.kind !== 'map') {
    problems.add(tree, '', `found ${found(tree)}, wanted a map of keys such as "gates:"`);
    return written;
  }
  walkGroup(tree, '', written, problems);
  return written;
}

function walkGroup(map: MapNode, group: string, written: Map<KeyName, Written>, problems: Problems): void {
  const names = GROUPS.get(group)!;
  for (const [name, entry] of map.entries) {
    const path = join(group, name);
    if (group === '' && EDITOR_KEYS.has(name)) continue;
    if (!names.has(name)) {
      unknown(entry, group, names, problems);
      continue;
    }
    const key = keyOf(path);
    if (key) take(key, path, entry, entry.value, written, problems);
    else if (entry.value.kind === 'map') walkGroup(entry.value, path, written, problems);
    // A group whose children are all commented out is nothing written.
    else if (isNothing(entry.value)) continue;
    else shorthand(path, entry, written, problems);
  }
}

/** The names in a group that may be written for the whole of it. */
const SHORT_FOR = ['command', 'mode'] as const;

/** `agent: [claude, -p]` for `agent: {command: [claude, -p]}`, `sandbox: off` for `sandbox: {mode: off}`. */
function shorthand(path: string, entry: Entry, written: Map<KeyName, Written>, problems: Problems): void {
  const whole = SHORT_FOR.map(name => `${path}.${name}`).find(name => keyOf(name));
  if (whole) take(keyOf(whole)!, whole, entry, entry.value, written, problems);
  else {
    const names = [...GROUPS.get(path)!].join(', ');
    problems.add(entry.value, path, `found ${found(entry.value)}, wanted a map with: ${names}`);
  }
}

function take(
  key: KeyName,
  path: string,
  entry: Entry,
  node: Node,
  written: Map<KeyName, Written>,
  problems: Problems,
): void {
  // `backend: [claude, codex]`: the first, and those that take over from it.
  if (key === 'agent.backend' && node.kind === 'list' && node.items.length > 0) {
    const [first, ...others] = node.items as [Node, ...Node[]];
    take(key, path, entry, first, written, problems);
    if (others.length > 0) take('agent.relay', path, entry, { ...node, items: others }, written, problems);
    return;
  }
  const value = KEYS[key].type.read(node, reporter(problems, path));
  if (value === undefined) return;
  const earlier = written.get(key);
  if (!earlier) {
    const at = { line: entry.value.line, column: entry.value.column };
    written.set(key, { value, as: path, file: problems.file, at });
  } else if (JSON.stringify(earlier.value) !== JSON.stringify(value)) {
    problems.add(
      entry.key,
      path,
      `contradicts "${earlier.as}" in line ${earlier.at.line}, which is the same setting; keep one of them`,
    );
  }
}

function unknown(entry: Entry, group: string, names: Set<string>, problems: Problems): void {
  const name = entry.key.text;
  const near = problems.full ? null : nearest(name, names);
  // A right name in the wrong place: say where it belongs.
  const elsewhere = ALL.filter(path => path.endsWith(`.${name}`) && Object.hasOwn(KEYS, path));
  const meant = near ? [near] : elsewhere.length <= 3 ? elsewhere : [];
  const hint = meant.length > 0 ? `; did you mean ${meant.map(path => `"${path}"`).join(' or ')}?` : '';
  problems.add(entry.key, join(group, name), `unknown key${hint}`, meant[0] ?? null);
}
