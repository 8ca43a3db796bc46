/**
 * What the readers of other programs' plans share. Those files hold more than a plan: what is known is taken, what only
 * keeps books (times, sessions, statistics) is passed by, and every other field goes into the description, since its writer
 * had a reason for it. Their plans were mostly written by an agent, so they get no shell and set no limits.
 */
import { asMap, join, reporter } from './fields.ts';
import { found, isNothing, type MapNode, type Node } from './node.ts';
import type { DraftSubtask } from './plan-draft.ts';
import { plainId } from './plan-id.ts';
import { agentWork } from './plan-new.ts';
import { planPath } from './plan-path.ts';
import type { Place, Problems } from './problems.ts';

const MAX_TITLE = 500;

/** Says when, by whom and how often, and nothing of the work. */
const BOOKS =
  /^(?:id|\$schema|uuid|passes|status|priority|retries|attempts?|blocked|(?:.*_)?(?:at|date|by)|(?:created|updated|started|completed|finished)(?:At|_?on)?|.*[a-z](?:At|Date)|session_?ids?|assignee|agent|(?:actual|estimated)_?(?:hours|time|effort|output)|complexity(?:Score|_score)?|expansionPrompt|reasoning|recommendedSubtasks|critique_result|last_?result|phase|parent(?:_?[Tt]ask)?_?[Ii]d|activeForm)$/;

export function textOf(node: Node | undefined): string {
  return node?.kind === 'scalar' && node.value !== null ? node.text.trim() : '';
}

/** One text, or the texts of a list; entries that are no texts are reported. */
export function textsOf(
  map: MapNode,
  key: string,
  path: string,
  problems: Problems,
): { text: string; at: Place }[] {
  const node = map.entries.get(key)?.value;
  if (!node || isNothing(node)) return [];
  const items = node.kind === 'list' ? node.items : [node];
  return items.flatMap(item => {
    const text = textOf(item);
    if (item.kind !== 'scalar') problems.add(item, join(path, key), `found ${found(item)}, wanted text`);
    return text === '' ? [] : [{ text, at: item }];
  });
}

export function pathsOf(map: MapNode, keys: readonly string[], path: string, problems: Problems): string[] {
  const paths = keys.flatMap(key => {
    const node = map.entries.get(key)?.value;
    const items = !node || isNothing(node) ? [] : node.kind === 'list' ? node.items : [node];
    return items.flatMap(item => planPath.read(item, reporter(problems, join(path, key))) ?? []);
  });
  return [...new Set(paths)];
}

/** Fields that are neither known nor bookkeeping, one line each. */
export function otherFields(map: MapNode, known: readonly string[]): string {
  return [...map.entries]
    .filter(([key, { value }]) => !known.includes(key) && !BOOKS.test(key) && !isEmpty(value))
    .map(
      ([key, { value }]) => `${key}: ${value.kind === 'scalar' ? value.text : JSON.stringify(plain(value))}`,
    )
    .join('\n');
}

const isEmpty = (node: Node): boolean =>
  isNothing(node) ||
  (node.kind === 'scalar' && node.text.trim() === '') ||
  (node.kind === 'list' && node.items.length === 0) ||
  (node.kind === 'map' && node.entries.size === 0);

function plain(node: Node): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plain);
  return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plain(value)]));
}

export function mapsOf(
  node: Node | undefined,
  path: string,
  problems: Problems,
  wanted: string,
): { map: MapNode; path: string }[] {
  if (node?.kind !== 'list') return [];
  return node.items.flatMap((item, index) => {
    const at = `${path}[${index}]`;
    const map = asMap(item, problems, at, wanted);
    return map ? [{ map, path: at }] : [];
  });
}

export interface Step {
  /** As the file has it; null: it has none. */
  id: string | null;
  at: Place;
  path: string;
  title: string;
  description: string;
  /** Ids as the file has them. */
  needs: { text: string; at: Place }[];
  files?: string[];
  tests?: string[];
  acceptance?: string[];
  gates?: DraftSubtask['subtask']['gates'];
  /** The file calls it done. */
  done: boolean;
}

/** Ids in our letters, the same for a step and for those who need it. */
export const ourId = (id: string): string => plainId(id) ?? id;

export function draftOf(step: Step, index: number): DraftSubtask {
  const {
    at: node,
    path,
    title,
    needs,
    description,
    files = [],
    tests = [],
    acceptance = [],
    gates = [],
  } = step;
  const at = { line: node.line, column: node.column };
  const id = step.id === null ? `step-${index + 1}` : ourId(step.id);
  const isLong = title.length > MAX_TITLE;
  const subtask = {
    ...agentWork(id),
    title: isLong ? `${title.slice(0, 100)}…` : title,
    description: [isLong ? title : '', description].filter(text => text !== '').join('\n\n'),
    needs: [...new Set(needs.map(need => ourId(need.text)))],
    ...{ files, tests, acceptance, gates },
  };
  return {
    subtask,
    at,
    id_at: at,
    needs_at: needs.map(need => ({ line: need.at.line, column: need.at.column })),
    path,
  };
}

export const claimsOf = (steps: readonly Step[], subtasks: readonly DraftSubtask[]): string[] =>
  subtasks.filter((_, i) => steps[i]!.done).map(({ subtask }) => subtask.id);
