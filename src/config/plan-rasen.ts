/**
 * Takes over a plan of RASEN: `implementation_plan.json` or `state.json`. Statuses are claims that are reported and
 * not believed; reviews, metrics and histories belong to runs that are over and are passed by.
 */
import { NO_SUBTASK_LIMITS } from '../engine/resource-limits.ts';
import { asMap, field, join, refuseUnknown } from './fields.ts';
import type { MapNode } from './node.ts';
import { type Draft, type DraftSubtask, NO_DEFAULTS } from './plan-draft.ts';
import { checkId, plainId } from './plan-id.ts';
import { readSubtask, type SubtaskContext } from './plan-subtask.ts';
import type { Problems } from './problems.ts';
import { oneOf, oneOrMore, text } from './types.ts';

const TOP = [
  ...['task_name', 'subtasks', 'created_at', 'updated_at', 'project', 'description', 'notes', 'review', 'qa'],
  ...['memory', 'metrics', 'session_history', '$schema'],
];
/** Its names for our keys. */
const RENAMED: Readonly<Record<string, string>> = {
  dependencies: 'needs',
  acceptance_criteria: 'acceptance',
};
const KEPT = ['title', 'description', 'files', 'tests', 'dependencies', 'acceptance_criteria'];
const SUBTASK = [...KEPT, 'id', 'status', 'attempts', 'last_approach', 'review', 'qa'];

const status = oneOf('pending', 'in_progress', 'completed', 'failed');
const anyText = text(1024 * 1024, 'text', 0);

export function isRasenPlan(map: MapNode): boolean {
  return map.entries.has('task_name');
}

export function readRasenPlan(map: MapNode, problems: Problems): Draft {
  refuseUnknown(map, TOP, problems, '');
  const name = field(map, 'task_name', anyText, problems, '')?.trim() || null;
  const described = optional(map, 'description')
    ? field(map, 'description', anyText, problems, '')?.trim()
    : undefined;
  const context: SubtaskContext = {
    problems,
    may_shell: false,
    by_user: false,
    shell: false,
    env: {},
    attempts: null,
    timeout_seconds: null,
    idle_timeout_seconds: null,
    resources: NO_SUBTASK_LIMITS,
  };
  const node = map.entries.get('subtasks')?.value;
  if (node?.kind !== 'list') problems.add(node ?? map, 'subtasks', 'wanted a list of subtasks');
  const subtasks: DraftSubtask[] = [];
  const claimed: string[] = [];
  (node?.kind === 'list' ? node.items : []).forEach((item, index) => {
    const path = `subtasks[${index}]`;
    const old = asMap(item, problems, path, 'a subtask');
    if (!old) return;
    refuseUnknown(old, SUBTASK, problems, path);
    const state = field(old, 'status', status, problems, path);
    const draft = readSubtask(inOurWords(old), path, idOf(old, path, problems), context);
    if (!draft) return;
    draft.subtask.needs = draft.subtask.needs.map(id => plainId(id) ?? id);
    subtasks.push(draft);
    if (state === 'completed') claimed.push(draft.subtask.id);
  });
  return {
    subtasks,
    goal: described || name,
    defaults: { ...NO_DEFAULTS, name: name === null ? null : name.slice(0, 200) },
    claimed_completed: claimed,
  };
}

const optional = (map: MapNode, key: string) => {
  const value = map.entries.get(key)?.value;
  return value !== undefined && !(value.kind === 'scalar' && value.value === null);
};

/** RASEN's ids are free text; ours are names of folders and refs. */
function idOf(old: MapNode, path: string, problems: Problems) {
  const entry = old.entries.get('id');
  const id = field(old, 'id', oneOrMore(text(200, 'an id'), 1, 'an id'), problems, path)?.[0];
  if (!entry || id === undefined) return null;
  const plain = plainId(id);
  if (plain === null) checkId(id, entry.value, join(path, 'id'), problems);
  return { line: entry.value.line, column: entry.value.column, text: plain ?? id };
}

function inOurWords(old: MapNode): MapNode {
  const entries: MapNode['entries'] = new Map();
  for (const key of KEPT) {
    const entry = old.entries.get(key);
    if (entry && optional(old, key)) entries.set(RENAMED[key] ?? key, entry);
  }
  return { ...old, entries };
}
