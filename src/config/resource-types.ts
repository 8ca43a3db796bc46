/**
 * What an attempt may use of the machine, and a subtask of tokens and dollars, as users write it: `limits` in the
 * configuration and in plan files.
 */

import type { ResourceLimits, SubtaskLimits } from '../contract/plan.ts';
import { TOKENS, USD } from './budget-types.ts';
import { field, join, reporter } from './fields.ts';
import { found, type MapNode } from './node.ts';
import type { Problems } from './problems.ts';
import { duration, int, nullable, size, type ValueType } from './types.ts';

/** In processors, kept as percent of one, as the system counts. */
const processors: ValueType<number> = {
  wanted: 'a number of processors such as 2 or 0.5',
  schema: { type: 'number', minimum: 0.01, maximum: 1024 },
  read(node, report) {
    const value = node.kind === 'scalar' ? node.value : null;
    if (typeof value === 'number' && value >= 0.01 && value <= 1024) return Math.round(value * 100);
    const percent = typeof value === 'string' ? /^(\d{1,6}(?:\.\d+)?) ?%$/.exec(value)?.[1] : undefined;
    const meant = percent === undefined ? null : String(Number(percent) / 100);
    const hint = meant ? `; did you mean ${meant}?` : '';
    report(node, `found ${found(node)}, wanted a number of processors such as 2 or 0.5${hint}`, meant);
    return undefined;
  },
};

const NONE = 'no limit';

interface Row<K extends keyof SubtaskLimits = keyof SubtaskLimits> {
  /** Of the spec, which a plan in its normal form has too. */
  field: K;
  type: ValueType<number | null>;
  /** Where the normal form counts otherwise. */
  normal?: ValueType<number | null>;
}

/** By the word in `limits`. */
export const RESOURCES = {
  memory: { field: 'memory_max_bytes', type: nullable(size(1024 ** 2, 1024 ** 5), NONE) },
  cpu: {
    field: 'cpu_max_percent',
    type: nullable(processors, NONE),
    normal: nullable(int(1, 102_400), NONE),
  },
  tasks: { field: 'tasks_max', type: nullable(int(8, 4_194_304), NONE) },
  runtime: { field: 'runtime_max_seconds', type: nullable(duration(), NONE) },
} as const satisfies Record<string, Row<keyof ResourceLimits>>;

/** Those of the machine, and those of the agent, whose words are the same in every form. */
export const SUBTASK_ROWS: Readonly<Record<string, Row>> = {
  ...RESOURCES,
  tokens: { field: 'tokens', type: TOKENS },
  usd: { field: 'usd', type: USD },
};

/** Keys of a `limits` map in a plan: the words, and the names of the normal form. */
export const RESOURCE_KEYS = Object.entries(SUBTASK_ROWS).flatMap(([word, { field: name }]) =>
  word === name ? [word] : [word, name],
);

/** What a `limits` map of a plan says; a limit that it does not name is that of `outer`. */
export function readResources(
  map: MapNode,
  path: string,
  problems: Problems,
  outer: SubtaskLimits,
): SubtaskLimits {
  const limits = { ...outer };
  for (const [word, row] of Object.entries(SUBTASK_ROWS)) {
    const [short, long] = [
      map.entries.get(word),
      word === row.field ? undefined : map.entries.get(row.field),
    ];
    if (short && long)
      reporter(problems, join(path, row.field))(long.key, `says the same as "${word}"; keep one of them`);
    const value = short
      ? field(map, word, row.type, problems, path)
      : field(map, row.field, row.normal ?? row.type, problems, path);
    // null in a plan: the limit of the task, as in its normal form.
    if (value !== undefined && value !== null) limits[row.field] = value;
  }
  return limits;
}
