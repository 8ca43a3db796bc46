/**
 * Reads a map whose keys are known: every key is looked up, an unknown one is reported with the nearest valid one.
 * Used for gates, subtasks and plans; the config table has its own walk because its keys are paths.
 */
import { nearest } from '../util/nearest.ts';
import { found, type MapNode, type Node } from './node.ts';
import type { Problems } from './problems.ts';
import type { Report, ValueType } from './types.ts';

/** A report that names `key` for every problem. */
export function reporter(problems: Problems, key: string): Report {
  return (at, message, suggestion, inner) =>
    problems.add(at, `${key}${inner ?? ''}`, message, suggestion ?? null);
}

export const join = (path: string, key: string) => (path === '' ? key : `${path}.${key}`);

/** Names that other tools use for our keys; an edit distance would never find them. */
export const SYNONYMS: Readonly<Record<string, string>> = {
  dependencies: 'needs',
  depends_on: 'needs',
  acceptance_criteria: 'acceptance',
  command: 'run',
  cmd: 'run',
  steps: 'subtasks',
  tasks: 'subtasks',
  retries: 'attempts',
  max_attempts: 'attempts',
  environment: 'env',
  working_directory: 'cwd',
};

/** The map, or null after a report. */
export function asMap(node: Node, problems: Problems, path: string, wanted: string): MapNode | null {
  if (node.kind === 'map') return node;
  problems.add(node, path, `found ${found(node)}, wanted ${wanted}`);
  return null;
}

/** Reports every key of the map that is not in `known`. */
export function refuseUnknown(
  map: MapNode,
  known: readonly string[],
  problems: Problems,
  path: string,
): void {
  for (const [name, { key }] of map.entries) {
    if (known.includes(name)) continue;
    const synonym = Object.hasOwn(SYNONYMS, name) ? SYNONYMS[name] : undefined;
    const meant = synonym && known.includes(synonym) ? synonym : problems.full ? null : nearest(name, known);
    const hint = meant ? `; did you mean "${meant}"?` : '';
    problems.add(key, join(path, name), `unknown key${hint}`, meant);
  }
}

/** The value of one key of the map, or undefined when it is absent or was reported. */
export function field<T>(
  map: MapNode,
  key: string,
  type: ValueType<T>,
  problems: Problems,
  path: string,
): T | undefined {
  const entry = map.entries.get(key);
  return entry && type.read(entry.value, reporter(problems, join(path, key)));
}

/** For two spellings of one thing: the first that is written; both written is a problem. */
export function either<T>(
  spellings: readonly { map: MapNode; key: string; path: string }[],
  type: ValueType<T>,
  problems: Problems,
): T | undefined {
  const written = spellings.filter(s => s.map.entries.has(s.key));
  const [first, second] = written;
  if (first && second) {
    const at = second.map.entries.get(second.key)!.key;
    problems.add(at, join(second.path, second.key), `says the same as "${first.key}"; keep one of them`);
  }
  return first && field(first.map, first.key, type, problems, first.path);
}
