/** `services` of rasen.yml: by name, each a subtask that is kept up, as in a plan file. */
import { planProblems, type Subtask } from '../contract/plan.ts';
import { NO_SUBTASK_LIMITS } from '../engine/resource-limits.ts';
import { found, isNothing } from './node.ts';
import { readSubtask } from './plan-subtask.ts';
import type { Problems } from './problems.ts';
import { SERVICE_FIELDS } from './service-type.ts';
import type { Report, ValueType } from './types.ts';

const SERVICES_MAX = 50;
const WANTED = 'a map of services, such as {db: {keep: [postgres, -D, data], ready: {tcp: 5432}}}';
/** What has a meaning for a service of a project. */
const KEYS = ['keep', 'shell', 'needs', 'cwd', 'env', 'limits', ...Object.keys(SERVICE_FIELDS)];

export const SERVICES: ValueType<Record<string, Subtask>> = {
  wanted: WANTED,
  schema: {
    anyOf: [
      {
        type: 'object',
        additionalProperties: {
          type: 'object',
          properties: Object.fromEntries(
            Object.entries(SERVICE_FIELDS).map(([key, { schema }]) => [key, schema]),
          ),
          required: ['keep'],
        },
      },
      { type: 'null' },
    ],
  },
  read(node, report) {
    if (isNothing(node)) return {};
    if (node.kind !== 'map') {
      report(node, `found ${found(node)}, wanted ${WANTED}`);
      return undefined;
    }
    if (node.entries.size > SERVICES_MAX)
      report(node, `has ${node.entries.size} services; at most ${SERVICES_MAX} are possible`);
    const problems = below(report);
    const services: Subtask[] = [];
    for (const [name, { key, value }] of node.entries) {
      if (value.kind !== 'map') {
        report(value, `found ${found(value)}, wanted a map with "keep"`, null, `.${name}`);
        continue;
      }
      const odd = [...value.entries.values()].find(entry => !KEYS.includes(entry.key.text));
      if (odd) report(odd.key, `"${odd.key.text}" is no key of a service`, null, `.${name}`);
      else if (!value.entries.has('keep'))
        report(key, 'has no command: keep: [postgres, -D, data]', null, `.${name}`);
      else services.push(...read(name, value, key, problems));
    }
    for (const { path, message } of planProblems(services))
      report(node.entries.get(services[path[1] as number]!.id)?.key ?? node, message);
    return Object.fromEntries(services.map(service => [service.id, service]));
  },
};

function read(
  name: string,
  value: Parameters<typeof readSubtask>[0],
  { line, column }: { line: number; column: number },
  problems: Problems,
): Subtask[] {
  const context = {
    ...{ problems, may_shell: true, by_user: true, shell: false, env: {}, attempts: null },
    ...{ timeout_seconds: null, idle_timeout_seconds: null, resources: NO_SUBTASK_LIMITS },
  };
  const draft = readSubtask(value, `.${name}`, { line, column, text: name }, context);
  return draft ? [draft.subtask] : [];
}

/** Reports of the readers of plans, below the key. */
function below(report: Report): Problems {
  const add: Problems['add'] = (at, key, message, suggestion) => {
    report(at, message, suggestion ?? null, key);
    return undefined as never;
  };
  return { add, full: false, any: false, list: [], dropped: 0 } as unknown as Problems;
}
