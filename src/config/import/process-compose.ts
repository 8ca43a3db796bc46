/**
 * process-compose.yaml: a process that another one waits for until it has ended, or that says that it ends, is a subtask; one
 * that says that it stays up, or how it is looked at, is a service. Of all others nobody knows.
 */
import { isNothing, type MapNode, type Node } from '../node.ts';
import { plainId } from '../plan-id.ts';
import type { Problems } from '../problems.ts';
import { entryAt, type Imported } from './imported.ts';
import { serviceOf, unlike } from './process-compose-service.ts';

/** Fields that have no meaning once a process is a subtask, or that are read here. */
const KNOWN = [
  ...[
    'command',
    'entrypoint',
    'working_dir',
    'environment',
    'depends_on',
    'availability',
    'description',
    'disabled',
  ],
  ...[
    'log_location',
    'log_configuration',
    'namespace',
    'is_foreground',
    'disable_ansi_colors',
    'shutdown',
    'replicas',
  ],
];
const STAYS = ['readiness_probe', 'liveness_probe', 'ready_log_line'];

interface Process {
  name: string;
  id: string;
  line: number;
  map: MapNode;
  needs: string[];
  /** It stays up. */
  keeps: boolean;
  /** Why it is no subtask; null: it is one. */
  why: string | null;
}

export function importProcessCompose(top: MapNode, problems: Problems): Imported {
  const result: Imported = { kind: 'process-compose', gives: 'plan', taken: [], left: [], file: null };
  const node = top.entries.get('processes')?.value;
  if (node?.kind !== 'map') {
    problems.add(node ?? top, 'processes', 'wanted a map of processes');
    return result;
  }
  const ends = new Set<string>();
  for (const { value } of node.entries.values())
    for (const [name, condition] of dependencies(value))
      if (/^process_completed/.test(condition)) ends.add(name);
  const processes = [...node.entries].map(([name, { key, value }]) => processOf(name, key.line, value, ends));
  const byName = new Map(processes.map(process => [process.name, process]));
  // What needs something that is no subtask is none either; again, until nothing changes.
  for (let changed = true; changed; ) {
    changed = false;
    for (const process of processes) {
      const missing = process.why === null && process.needs.find(name => byName.get(name)?.why !== null);
      if (typeof missing !== 'string') continue;
      process.why = `it needs ${missing}, which is not taken`;
      changed = true;
    }
  }
  const subtasks: Record<string, unknown> = {};
  for (const process of processes) {
    const entry = entryAt(process.name, process);
    if (process.why !== null) result.left.push({ ...entry, why: process.why });
    else if (subtasks[process.id])
      result.left.push({ ...entry, why: `its name gives the id ${process.id} once more` });
    else {
      subtasks[process.id] = subtaskOf(process, byName);
      result.taken.push({ ...entry, as: `${process.keeps ? 'service' : 'subtask'} ${process.id}` });
    }
  }
  const env = environmentOf(top);
  if (result.taken.length === 0) return result;
  return { ...result, file: { ...(env === null ? {} : { env }), subtasks } };
}

function processOf(name: string, line: number, value: Node, ends: ReadonlySet<string>): Process {
  const id = plainId(name);
  const process: Process = {
    name,
    id: id ?? '',
    line,
    map: value as MapNode,
    needs: [],
    keeps: false,
    why: null,
  };
  if (value.kind !== 'map') return { ...process, why: 'it is no map of fields' };
  const text = (key: string) => textOf(value.entries.get(key)?.value);
  const availability = value.entries.get('availability')?.value;
  const of = (key: string) =>
    availability?.kind === 'map' ? textOf(availability.entries.get(key)?.value) : '';
  process.needs = dependencies(value).map(([needed]) => needed);
  const stays = STAYS.some(key => value.entries.has(key)) || /^(?:always|on_failure)$/.test(of('restart'));
  process.keeps = stays && !ends.has(name);
  const odd = process.keeps ? unlike(value) : null;
  const other = [...value.entries.keys()].find(key => !KNOWN.includes(key) && !STAYS.includes(key));
  if (text('disabled') === 'true') process.why = 'it is disabled';
  else if (id === null) process.why = 'its name has no letter or digit for an id';
  else if (text('command') === '') process.why = 'it has no command as a text';
  else if (value.entries.has('schedule'))
    process.why = 'it has a schedule, which is a trigger: rasen run --cron or --every';
  else if (
    !process.keeps &&
    !ends.has(name) &&
    of('exit_on_end') !== 'true' &&
    of('restart') !== 'exit_on_failure'
  )
    process.why = 'nothing says whether it ends or stays up';
  else if (odd !== null) process.why = odd;
  else if (other !== undefined) process.why = `its "${other}" has no counterpart here`;
  else if (value.entries.has('environment') && environmentOf(value) === null)
    process.why = 'its environment is not written as NAME=VALUE';
  return process;
}

function subtaskOf({ map, keeps }: Process, byName: ReadonlyMap<string, Process>): Record<string, unknown> {
  const text = (key: string) => textOf(map.entries.get(key)?.value);
  const env = environmentOf(map);
  const needs = dependencies(map).map(([name, condition]) => {
    const needed = byName.get(name)!;
    return condition === 'process_started' ? { [needed.id]: 'started' } : needed.id;
  });
  return {
    ...(text('description') === '' ? {} : { title: text('description') }),
    shell: true,
    ...(keeps ? { keep: text('command'), ...serviceOf(map) } : { run: text('command') }),
    ...(text('working_dir') === '' ? {} : { cwd: text('working_dir') }),
    ...(needs.length === 0 ? {} : { needs }),
    ...(env === null ? {} : { env }),
  };
}

function dependencies(process: Node): [string, string][] {
  const node = process.kind === 'map' ? process.entries.get('depends_on')?.value : undefined;
  if (node?.kind === 'list') return node.items.map(item => [textOf(item), 'process_started']);
  if (node?.kind !== 'map') return [];
  return [...node.entries].map(([name, { value }]) => [
    name,
    value.kind === 'map'
      ? textOf(value.entries.get('condition')?.value) || 'process_started'
      : 'process_started',
  ]);
}

/** A list of NAME=VALUE, or a map; null: none, or another form. */
function environmentOf(map: MapNode): Record<string, string> | null {
  const node = map.entries.get('environment')?.value;
  if (!node || isNothing(node)) return null;
  const pairs: [string, string][] =
    node.kind === 'map'
      ? [...node.entries].map(([name, { value }]) => [name, textOf(value)])
      : node.kind === 'list'
        ? node.items.map(item => {
            const [name = '', ...rest] = textOf(item).split('=');
            return [name, rest.join('=')];
          })
        : [];
  return pairs.length > 0 && pairs.every(([name]) => /^[A-Za-z_]\w*$/.test(name))
    ? Object.fromEntries(pairs)
    : null;
}

const textOf = (node: Node | undefined): string =>
  node?.kind === 'scalar' && node.value !== null ? node.text : '';
