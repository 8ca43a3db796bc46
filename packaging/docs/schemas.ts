/**
 * JSON Schema of the control protocol, made from the zod objects of src/contract/methods. What has a name here is one definition
 * that all methods refer to. Used for the OpenRPC document and for rasen-protocol(7).
 */
import * as z from 'zod';
import {
  budgetUse,
  claim,
  gateEvidence,
  sealedFacts,
  sessionFacts,
  shownEvent,
} from '../../src/contract/event.ts';
import { finding } from '../../src/contract/methods/daemon.doctor.ts';
import { METHODS } from '../../src/contract/methods/index.ts';
import { logCursor, logRecord } from '../../src/contract/methods/log.follow.ts';
import { taskRef } from '../../src/contract/methods/params.ts';
import { gateSpec, plan, subtask, subtaskId } from '../../src/contract/plan.ts';
import { capturedRepository } from '../../src/contract/repository.ts';
import { agentSpec, limits, taskId, taskSpec } from '../../src/contract/spec.ts';
import { taskView } from '../../src/contract/view.ts';

export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  [key: string]: unknown;
}

export type Definitions = Record<string, Schema>;

const NAMED: Readonly<Record<string, z.ZodType>> = {
  AgentSpec: agentSpec,
  BudgetUse: budgetUse,
  CapturedRepository: capturedRepository,
  Claim: claim,
  Event: shownEvent,
  Finding: finding,
  GateEvidence: gateEvidence,
  GateSpec: gateSpec,
  Limits: limits,
  LogCursor: logCursor,
  LogRecord: logRecord,
  Plan: plan,
  SealedFacts: sealedFacts,
  SessionFacts: sessionFacts,
  Subtask: subtask,
  SubtaskId: subtaskId,
  TaskId: taskId,
  TaskRef: taskRef,
  TaskSpec: taskSpec,
  TaskView: taskView,
};

export const REF = '#/components/schemas/';

export interface MethodSchemas {
  params: Schema;
  result: Schema;
  /** Params of the notification of a stream. */
  stream: Schema | null;
}

export interface ProtocolSchemas {
  definitions: Definitions;
  methods: Readonly<Record<string, MethodSchemas>>;
}

/** A definition that a caller writes differently from how the supervisor answers it is there twice: Plan, PlanInput. */
export function protocolSchemas(): ProtocolSchemas {
  const input = generate('input');
  const output = generate('output');
  const asked = reachable(
    input,
    METHODS.map(m => `${m.name}:params`),
  );
  const answered = reachable(
    output,
    METHODS.flatMap(m => [`${m.name}:result`, `${m.name}:stream`]),
  );
  const twice = new Set([...asked].filter(name => answered.has(name) && !same(input, output, name)));
  const own = (name: string) => (twice.has(name) ? `${name}Input` : name);
  const definitions: Definitions = {};
  for (const name of answered) definitions[name] = output[name]!;
  for (const name of asked) definitions[own(name)] = withRefs(input[name]!, own);
  const methods = METHODS.map(({ name }): [string, MethodSchemas] => [
    name,
    {
      params: withRefs(input[`${name}:params`]!, own),
      result: output[`${name}:result`]!,
      stream: output[`${name}:stream`] ?? null,
    },
  ]);
  const sorted = Object.entries(definitions).sort(([a], [b]) => (a < b ? -1 : 1));
  return { definitions: Object.fromEntries(sorted), methods: Object.fromEntries(methods) };
}

/** Names of the definitions that a schema refers to, in order, each once. */
export function refsOf(schema: Schema): string[] {
  const found = new Set<string>();
  withRefs(schema, name => {
    found.add(name);
    return name;
  });
  return [...found];
}

/** All named schemas, and those of each method, in one direction. */
function generate(io: 'input' | 'output'): Definitions {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(NAMED)) registry.add(schema, { id });
  for (const { name, params, result, stream } of METHODS) {
    if (io === 'input') registry.add(params, { id: `${name}:params` });
    // A result that has a name of its own is a reference to it.
    else
      registry.add(Object.values(NAMED).includes(result) ? z.lazy(() => result) : result, {
        id: `${name}:result`,
      });
    if (io === 'output' && stream) registry.add(stream.params, { id: `${name}:stream` });
  }
  const { schemas } = z.toJSONSchema(registry, { uri: id => REF + id, io, target: 'draft-7' });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _draft, $id: _id, ...schema }]) => [id, schema as Schema]),
  );
}

function reachable(schemas: Definitions, roots: readonly string[]): Set<string> {
  const found = new Set<string>();
  const visit = (schema: Schema | undefined) => {
    for (const name of schema ? refsOf(schema) : []) {
      if (found.has(name)) continue;
      found.add(name);
      visit(schemas[name]);
    }
  };
  for (const root of roots) visit(schemas[root]);
  return found;
}

/** Whether a name, with all that it refers to, means the same in both directions. */
function same(a: Definitions, b: Definitions, name: string): boolean {
  return [name, ...reachable(a, [name])].every(n => JSON.stringify(a[n]) === JSON.stringify(b[n]));
}

/** A copy in which every reference goes to the name that `to` gives. */
function withRefs(schema: Schema, to: (name: string) => string): Schema {
  return JSON.parse(JSON.stringify(schema), (key, value) =>
    key === '$ref' && typeof value === 'string' && value.startsWith(REF)
      ? REF + to(value.slice(REF.length))
      : value,
  );
}
