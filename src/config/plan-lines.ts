/**
 * A plan as JSON lines: a subtask in each, as in a plan file, or the words of its command alone. What has no id is called
 * by its line. Other programs print such lists more easily than one document.
 */
import { NO_SUBTASK_LIMITS } from '../engine/resource-limits.ts';
import type { Node } from './node.ts';
import { type Draft, NO_DEFAULTS } from './plan-draft.ts';
import { readSubtask, type SubtaskContext } from './plan-subtask.ts';
import { Problems } from './problems.ts';
import { parseYaml } from './yaml.ts';

const NAMES = /\.(?:jsonl|ndjson)$/i;
/** What the only line of a file has that is one subtask, and not a plan. */
const OF_SUBTASK = ['run', 'do'];

/** By its name, or because its first line is a whole value and not the beginning of one. */
export function isJsonLines(path: string, text: string): boolean {
  if (NAMES.test(path)) return true;
  const [first, second] = text.split('\n').filter(line => line.trim() !== '');
  if (first === undefined || !/^\s*[[{]/.test(first)) return false;
  const value = parsed(first);
  if (value === undefined) return false;
  if (second !== undefined) return true;
  // The only line: other programs write lists of tasks, which are no words.
  if (Array.isArray(value)) return value.length > 0 && value.every(word => typeof word === 'string');
  return (
    OF_SUBTASK.some(key => Object.hasOwn(value as object, key)) && !Object.hasOwn(value as object, 'subtasks')
  );
}

export function readJsonLines(text: string, problems: Problems): Draft {
  const context: SubtaskContext = {
    problems,
    may_shell: true,
    by_user: true,
    shell: false,
    env: {},
    attempts: null,
    timeout_seconds: null,
    idle_timeout_seconds: null,
    resources: NO_SUBTASK_LIMITS,
  };
  const subtasks = text.split('\n').flatMap((line, index) => {
    if (line.trim() === '' || problems.full) return [];
    const number = index + 1;
    const node = readLine(line, number, problems);
    if (node === null) return [];
    const named = node.kind === 'map' && node.entries.has('id');
    const given = named ? null : { line: number, column: node.column, text: String(number) };
    return readSubtask(node, `line ${number}`, given, context) ?? [];
  });
  return { subtasks, goal: null, defaults: NO_DEFAULTS, claimed_completed: [] };
}

function readLine(line: string, number: number, problems: Problems): Node | null {
  if (parsed(line) === undefined) {
    problems.add({ line: number, column: 1 }, '', 'is not a JSON value; a line is one subtask');
    return null;
  }
  const own = new Problems(problems.file);
  const node = parseYaml(line.trimEnd(), own);
  for (const { column, key, message, suggestion } of own.list)
    problems.add({ line: number, column }, key, message, suggestion);
  return node && moved(node, number);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A line was read as if it were the first of the file. */
function moved(node: Node, line: number): Node {
  if (node.kind === 'list') return { ...node, line, items: node.items.map(item => moved(item, line)) };
  if (node.kind === 'scalar') return { ...node, line };
  const entries = [...node.entries].map(
    ([name, { key, value }]) => [name, { key: { ...key, line }, value: moved(value, line) }] as const,
  );
  return { ...node, line, entries: new Map(entries) };
}
