/**
 * config/long_running_tasks.yaml of Remote Developer: each of its keys is a setting here, is how it is anyway, or cannot be
 * had, and says which. Settings of the supervisor are no keys of rasen.yml; they are told with the file that they belong to.
 */
import { found, type MapNode, type Node } from '../node.ts';
import type { Problems } from '../problems.ts';
import { entryAt, type Imported } from './imported.ts';

/** What a value comes to: a key of rasen.yml, words for what is so without one, or why it cannot be had. */
type Meaning = { key: readonly string[]; value: unknown } | { as: string } | { why: string };
type Read = (node: Node, value: unknown) => Meaning | null;

const number =
  (meaning: (value: number) => Meaning): Read =>
  (_node, value) =>
    typeof value === 'number' && Number.isFinite(value) && value > 0 ? meaning(value) : null;
const flag =
  (on: Meaning, off: Meaning): Read =>
  (_node, value) =>
    typeof value === 'boolean' ? (value ? on : off) : null;

const always = (as: string): Meaning => ({ as });
const never = (why: string): Meaning => ({ why });

const KEYS: Readonly<Record<string, Readonly<Record<string, Read>>>> = {
  task_execution: {
    claude_timeout: number(seconds => ({
      key: ['orchestrator', 'session_timeout_seconds'],
      value: Math.ceil(seconds),
    })),
    default_timeout: number(() =>
      never('a command of rasen has no limit of its own; `timeout` of a subtask is one'),
    ),
    status_save_interval: number(() => always('so anyway: each event is on the disk before it counts')),
    use_daemon_threads: flag(
      never('nothing ends with the program that started it; stop what is to end'),
      always('so anyway: attempts outlive clients and the supervisor'),
    ),
  },
  recovery: {
    check_orphaned_tasks: flag(
      always('so anyway: each start looks for what still runs'),
      never('each start looks for what still runs, or it could run twice'),
    ),
    orphaned_task_action: (_node, value) => {
      if (value === 'interrupted') return { key: ['auto_resume'], value: false };
      return value === 'resume' ? { key: ['auto_resume'], value: true } : null;
    },
    monitor_interval: number(() => always('so anyway: ends are noticed at once')),
  },
  persistence: {
    max_memory_logs: number(() => always('so anyway: logs are on the disk, whole, and in no memory')),
    archive_after_days: number(days =>
      always(`a setting of the supervisor: pack_after: ${Math.ceil(days)}d in rasend.yml`),
    ),
    compress_archives: flag(
      always('so anyway: a task that ended becomes one compressed file'),
      never('a task that ended becomes one compressed file, which every command reads as before'),
    ),
  },
  connection: {
    sse_heartbeat_interval: number(() =>
      always('so anyway: a stream of the gateway says something every 15 s'),
    ),
    sse_timeout: number(() => always('so anyway: a stream goes on where it was cut off, by its cursor')),
    allow_multiple_connections: flag(
      always('so anyway: any number may follow a task'),
      never('any number may follow a task; tokens say who may'),
    ),
  },
};

/** Whether a file has its sections. */
export const isLongRunningTasks = (map: MapNode): boolean =>
  Object.keys(KEYS).some(section => map.entries.get(section)?.value.kind === 'map');

export function importLongRunningTasks(top: MapNode, problems: Problems): Imported {
  const result: Imported = {
    kind: 'long_running_tasks.yaml',
    gives: 'configuration',
    taken: [],
    left: [],
    file: null,
  };
  const file: Record<string, unknown> = {};
  for (const [section, { key, value }] of top.entries) {
    const known = Object.hasOwn(KEYS, section) ? KEYS[section] : undefined;
    if (!known || value.kind !== 'map') {
      if (known) problems.add(value, section, `found ${found(value)}, wanted a map of settings`);
      else result.left.push({ ...entryAt(section, key), why: 'this section is not known' });
      continue;
    }
    for (const [name, one] of value.entries) {
      const path = `${section}.${name}`;
      const entry = entryAt(path, one.key);
      const read = Object.hasOwn(known, name) ? known[name] : undefined;
      if (!read) {
        result.left.push({ ...entry, why: 'this key is not known' });
        continue;
      }
      const given = one.value.kind === 'scalar' ? one.value.value : undefined;
      const meaning = read(one.value, given);
      if (meaning === null)
        problems.add(one.value, path, `found ${found(one.value)}, which is no value for it`);
      else if ('why' in meaning) result.left.push({ ...entry, why: meaning.why });
      else if ('as' in meaning) result.taken.push({ ...entry, as: meaning.as });
      else {
        put(file, meaning.key, meaning.value);
        result.taken.push({ ...entry, as: `${meaning.key.join('.')}: ${String(meaning.value)}` });
      }
    }
  }
  return Object.keys(file).length === 0 ? result : { ...result, file };
}

function put(file: Record<string, unknown>, [name = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    file[name] = value;
    return;
  }
  const inner = (file[name] ?? {}) as Record<string, unknown>;
  file[name] = inner;
  put(inner, rest, value);
}
