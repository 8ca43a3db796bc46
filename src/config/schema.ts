/** JSON Schema (draft-07) of the configuration and of plan files, for editors: made from the tables that the readers use. */

import { MAX_ALONE } from '../contract/plan-size.ts';
import { ENV } from './env-types.ts';
import { gateSchema } from './gates.ts';
import { CONFIG_KEYS, KEYS, type KeyName } from './keys.ts';
import { NEED_STATES_TYPE } from './needs-type.ts';
import { PLAN_FIELDS } from './plan-form.ts';
import { SUBTASK_FIELDS } from './plan-subtask.ts';
import { RESOURCES } from './resource-types.ts';
import { runSchema } from './run.ts';
import { SERVICE_FIELDS } from './service-type.ts';
import { argv, duration, int, type JsonSchema, nullable, type ValueType } from './types.ts';

const DRAFT = 'http://json-schema.org/draft-07/schema#';

/** The keys as a tree: a group of names, or a leaf. */
type Group = Map<string, Group | JsonSchema>;

/** Schema of rasen.yml and `.rasen/config.yaml`. */
export function configSchemaJson(): JsonSchema {
  const root: Group = new Map();
  for (const row of CONFIG_KEYS) {
    const parts = row.key.split('.');
    let group = root;
    for (const part of parts.slice(0, -1)) {
      const inner = group.get(part) ?? new Map();
      group.set(part, inner);
      group = inner as Group;
    }
    const target = (row.same_as ?? row.key) as KeyName;
    const schema: JsonSchema = { ...KEYS[target].type.schema, description: row.about };
    if (row.default !== null && !row.same_as) schema.default = row.default;
    group.set(parts.at(-1)!, schema);
  }
  return {
    $schema: DRAFT,
    title: 'Configuration of rasen (rasen.yml, .rasen/config.yaml)',
    ...groupSchema(root, { $schema: { type: 'string' } }),
  };
}

function groupSchema(group: Group, more: JsonSchema = {}): JsonSchema {
  const properties: JsonSchema = { ...more };
  for (const [name, child] of group)
    properties[name] = child instanceof Map ? { anyOf: forms(child) } : child;
  return { type: 'object', additionalProperties: false, properties };
}

/** A group is a map or nothing, and a list or a word where its `command` or its `mode` may be written short. */
function forms(group: Group): JsonSchema[] {
  const list = group.has('command') ? [argv().schema] : [];
  const mode = group.get('mode');
  const word = mode && !(mode instanceof Map) && 'enum' in mode ? [{ enum: mode.enum }] : [];
  return [groupSchema(group), { type: 'null' }, ...list, ...word];
}

const RUN_ABOUT = 'Program and arguments; with shell: true a text for /bin/sh.';

/** Schema of a plan file in rasen's own form. */
export function planSchemaJson(): JsonSchema {
  const gates = { anyOf: [{ type: 'array', items: gateSchema(true), maxItems: 50 }, { type: 'null' }] };
  const env = ENV.schema;
  const time = nullable(duration(), 'the default').schema;
  const limits = object({
    attempts: int(1, 100).schema,
    timeout: time,
    idle_timeout: time,
    ...Object.fromEntries(Object.entries(RESOURCES).map(([word, { type }]) => [word, type.schema])),
  });
  const run = { ...runSchema(true), description: RUN_ABOUT };
  const subtask = object({
    id: { type: ['string', 'integer'], description: 'Unique in the plan; a–z, 0–9, "-" and ".".' },
    do: object({ run, keep: run, agent: SUBTASK_FIELDS.agent.schema }),
    run,
    keep: { ...run, description: 'A service that stays up.' },
    ...schemas(SERVICE_FIELDS),
    need_states: NEED_STATES_TYPE.schema,
    service: { type: 'object', description: 'The normal form of the settings of a service.' },
    shell: { type: 'boolean' },
    gates,
    env,
    limits,
    ...schemas(SUBTASK_FIELDS),
  });
  const subtasks = {
    anyOf: [
      { type: 'array', items: subtask, minItems: 1, maxItems: MAX_ALONE },
      { type: 'object', additionalProperties: { anyOf: [subtask, run] } },
    ],
  };
  return {
    $schema: DRAFT,
    title: 'Plan of rasen',
    ...object({
      $schema: { type: 'string' },
      ...schemas(PLAN_FIELDS),
      gates,
      env,
      limits,
      ...schemas({ attempts: SUBTASK_FIELDS.attempts, timeout: SUBTASK_FIELDS.timeout }),
      ...schemas({ timeout_seconds: SUBTASK_FIELDS.timeout, idle_timeout: SUBTASK_FIELDS.timeout }),
      idle_timeout_seconds: time,
      subtasks,
      finally: subtasks,
    }),
    required: ['subtasks'],
  };
}

const object = (properties: JsonSchema): JsonSchema => ({
  type: 'object',
  additionalProperties: false,
  properties,
});

function schemas(fields: Record<string, ValueType<unknown>>): JsonSchema {
  return Object.fromEntries(Object.entries(fields).map(([key, type]) => [key, type.schema]));
}
