/** What a subtask comes after: `needs: a`, `needs: [a, {b: started}]` or `needs: {a: started, b: done}`. */
import { MAX_SUBTASKS } from '../contract/plan-size.ts';
import { NEED_STATES, type NeedState } from '../contract/service-words.ts';
import { found, type Node } from './node.ts';
import type { Place } from './problems.ts';
import { oneOf, type Report, text, type ValueType } from './types.ts';

export interface Needs {
  ids: string[];
  /** Of those for which one is written. Absent: for none. */
  states?: Record<string, NeedState>;
}

const id = text(200, 'an id');
const state = oneOf(...NEED_STATES);
const map = { type: 'object', additionalProperties: state.schema };

export const NEEDS: ValueType<Needs> = {
  wanted: `an id, a list of ids, or ids with what is waited for: ${NEED_STATES.join(', ')}`,
  schema: {
    anyOf: [id.schema, { type: 'array', items: { anyOf: [id.schema, map] }, maxItems: MAX_SUBTASKS }, map],
  },
  read(node, report) {
    const parts = node.kind === 'list' ? node.items : [node];
    if (parts.length > MAX_SUBTASKS) {
      report(node, `has ${parts.length} items; at most ${MAX_SUBTASKS} are possible`);
      return undefined;
    }
    const needs = parts.map(part => (part.kind === 'map' ? statesOf(part, report) : idOf(part, report)));
    if (needs.includes(undefined)) return undefined;
    const pairs = (needs as [string, NeedState | null][][]).flat();
    const states = pairs.flatMap(([need, wanted]) => (wanted === null ? [] : [[need, wanted] as const]));
    const ids = [...new Set(pairs.map(([need]) => need))];
    return states.length === 0 ? { ids } : { ids, states: Object.fromEntries(states) };
  },
};

function idOf(node: Node, report: Report): [string, null][] | undefined {
  if (node.kind === 'list') {
    report(node, `found ${found(node)}, wanted ${NEEDS.wanted}`);
    return undefined;
  }
  const value = id.read(node, report);
  return value === undefined ? undefined : [[value, null]];
}

function statesOf(node: Extract<Node, { kind: 'map' }>, report: Report): [string, NeedState][] | undefined {
  const pairs = [...node.entries].map(([need, { value }]) => [need, state.read(value, report)] as const);
  return pairs.some(([, wanted]) => wanted === undefined) ? undefined : (pairs as [string, NeedState][]);
}

/** Where each of them is written, in the order of their ids. */
export function placesOfNeeds(node: Node): Place[] {
  const parts = node.kind === 'list' ? node.items : [node];
  const places = new Map<string, Place>();
  for (const part of parts) {
    const all = part.kind === 'map' ? [...part.entries].map(([need, { key }]) => [need, key] as const) : [];
    const own = part.kind === 'scalar' ? [[part.text, part] as const] : all;
    for (const [need, { line, column }] of own) if (!places.has(need)) places.set(need, { line, column });
  }
  return [...places.values()];
}

/** The normal form of what is waited for: `need_states: {a: started}`. */
export const NEED_STATES_TYPE: ValueType<Record<string, NeedState>> = {
  wanted: `a map from id to ${NEED_STATES.join(', ')}`,
  schema: map,
  read(node, report) {
    const pairs = node.kind === 'map' ? statesOf(node, report) : undefined;
    if (node.kind !== 'map') report(node, `found ${found(node)}, wanted ${this.wanted}`);
    return pairs && Object.fromEntries(pairs);
  },
};
