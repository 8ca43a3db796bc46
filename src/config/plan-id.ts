/** Ids of subtasks: names of folders and parts of git refs, so their letters are few. */
import { subtaskId } from '../contract/plan.ts';
import { join, reporter } from './fields.ts';
import type { MapNode, Node } from './node.ts';
import type { Place, Problems } from './problems.ts';
import { text } from './types.ts';

/** The id in the map, or the one that the map of subtasks gives; both written must be the same. */
export function readId(
  map: MapNode | null,
  given: (Place & { text: string }) | null,
  path: string,
  node: Node,
  problems: Problems,
): { text: string; at: Place } | null {
  const entry = map?.entries.get('id');
  const inner = entry && text(200, 'an id').read(entry.value, reporter(problems, join(path, 'id')));
  if (entry && inner === undefined) return null;
  if (given && entry && inner !== given.text) {
    problems.add(entry.value, join(path, 'id'), `is "${inner}", but the subtask is called "${given.text}"`);
    return null;
  }
  const id = given?.text ?? inner;
  const { line, column } = given ?? entry?.value ?? node;
  const at = { line, column };
  if (id === undefined) {
    problems.add(node, path, 'has no "id"');
    return null;
  }
  return checkId(id, at, join(path, 'id'), problems) ? { text: id, at } : null;
}

export function checkId(id: string, at: Place, key: string, problems: Problems): boolean {
  const checked = subtaskId.safeParse(id);
  if (checked.success) return true;
  const meant = plainId(id);
  const hint = meant ? `; did you mean "${meant}"?` : '';
  problems.add(at, key, `"${id.slice(0, 80)}": ${checked.error.issues[0]!.message}${hint}`, meant);
  return false;
}

/** The id that a text would have in our letters, or null when nothing of it is left. */
export function plainId(text: string): string | null {
  const id = text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/[.]{2,}/g, '.')
    .slice(0, 40)
    .replaceAll(/^[-.]+|[-.]+$/g, '');
  return subtaskId.safeParse(id).success ? id : null;
}
