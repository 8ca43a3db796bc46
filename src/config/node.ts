/**
 * A parsed file as a tree of values that know their place. The readers in this folder work on this tree only, so
 * nothing of the YAML library reaches them; the environment makes nodes of its variables too.
 */
import type { Place } from './problems.ts';

interface Base extends Place {
  /** Nodes under this one, itself included, with every alias counted as if it were written out. */
  size: number;
}

export interface ScalarNode extends Base {
  kind: 'scalar';
  value: string | number | boolean | null;
  /** As the user wrote it: `1.10` stays `1.10` where text is wanted. */
  text: string;
}

export interface ListNode extends Base {
  kind: 'list';
  items: Node[];
}

export interface Entry {
  key: Place & { text: string };
  value: Node;
}

export interface MapNode extends Base {
  kind: 'map';
  /** A Map, so that a key such as __proto__ is only a key. */
  entries: Map<string, Entry>;
}

export type Node = ScalarNode | ListNode | MapNode;

export function scalar(value: ScalarNode['value'], text: string, place: Place): ScalarNode {
  return { kind: 'scalar', value, text, line: place.line, column: place.column, size: 1 };
}

/** Nothing written: `key:` with no value, `~` or `null`. */
export function isNothing(node: Node): boolean {
  return node.kind === 'scalar' && node.value === null;
}

const MAX_QUOTED = 60;

/** What is there, in words, for "found …, wanted …". */
export function found(node: Node): string {
  if (node.kind === 'list') return node.items.length === 0 ? 'an empty list' : 'a list';
  if (node.kind === 'map') return 'a map';
  if (node.value === null) return 'nothing';
  if (typeof node.value !== 'string') return node.text;
  const text = node.value.length > MAX_QUOTED ? `${node.value.slice(0, MAX_QUOTED)}…` : node.value;
  return JSON.stringify(text);
}
