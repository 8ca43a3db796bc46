/** An agent that takes over, as users write it: a name, or a map with its program and model. */
import { BACKENDS, type Backend } from '../contract/backends.ts';
import { found, isNothing, type Node } from './node.ts';
import { argv, listOf, nullable, oneOf, type Report, text, type ValueType } from './types.ts';

export interface RelayAgent {
  backend: Backend;
  command: string[] | null;
  model: string | null;
}

export const MAX_RELAYED = 8;

const NAME = oneOf(...BACKENDS);
const FIELDS = {
  backend: NAME,
  command: nullable(argv(), 'the name of the backend'),
  model: nullable(text(200, 'a model name'), 'the default of the agent'),
};
const WANTED = 'an agent, or a map with its backend, command and model';

const agent: ValueType<RelayAgent> = {
  wanted: WANTED,
  schema: {
    anyOf: [
      NAME.schema,
      {
        type: 'object',
        properties: Object.fromEntries(Object.entries(FIELDS).map(([name, { schema }]) => [name, schema])),
        required: ['backend'],
        additionalProperties: false,
      },
    ],
  },
  read(node, report) {
    const value = node.kind === 'scalar' ? readName(node, report) : readMap(node, report);
    if (value === undefined || value.command !== null) return value;
    if (value.backend !== 'command' && value.backend !== 'acp') return value;
    report(
      node,
      `${value.backend} is any program: write which one, as {backend: ${value.backend}, command: [...]}`,
    );
    return undefined;
  },
};

function readName(node: Node, report: Report): RelayAgent | undefined {
  const backend = NAME.read(node, report);
  return backend === undefined ? undefined : { backend, command: null, model: null };
}

function readMap(node: Node, report: Report): RelayAgent | undefined {
  if (node.kind !== 'map') {
    report(node, `found ${found(node)}, wanted ${WANTED}`);
    return undefined;
  }
  let is_sound = true;
  const values: Partial<Record<keyof typeof FIELDS, unknown>> = {};
  for (const [name, { key, value }] of node.entries) {
    if (!Object.hasOwn(FIELDS, name)) {
      report({ ...node, line: key.line, column: key.column }, `has no "${name}"; wanted ${WANTED}`);
      is_sound = false;
      continue;
    }
    const read = FIELDS[name as keyof typeof FIELDS].read(value, report);
    is_sound &&= read !== undefined;
    values[name as keyof typeof FIELDS] = read;
  }
  const { backend, command = null, model = null } = values as Partial<RelayAgent>;
  if (is_sound && backend === undefined) report(node, `has no backend; wanted ${WANTED}`);
  return is_sound && backend !== undefined ? { backend, command, model } : undefined;
}

const list = listOf(agent, MAX_RELAYED, 'a list of agents');

/** null and nothing: none. */
export const relayAgents: ValueType<RelayAgent[]> = {
  ...list,
  read: (node, report) => (isNothing(node) ? [] : list.read(node, report)),
};
