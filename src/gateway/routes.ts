/**
 * `/v1` is made from the method table of the protocol: a method that is added there has its address, its scope and its
 * place in the OpenAPI document at once. The rule:
 *
 *   noun.list → GET /v1/nouns        noun.get → GET /v1/nouns/{noun}        task.run → POST /v1/tasks
 *   noun.verb → GET (reads) or POST /v1/nouns/{noun}/verb; without the noun among its parameters /v1/nouns/verb
 */
import * as z from 'zod';
import { METHODS } from '../contract/methods/index.ts';
import type { Scope } from './who.ts';

type Method = (typeof METHODS)[number];

export interface Route {
  method: Method;
  verb: 'GET' | 'POST';
  /** As OpenAPI writes it: `/v1/tasks/{task}/stop`. */
  path: string;
  /** Parameter that stands in the path; null: none does. */
  ref: string | null;
  scope: Scope;
  /** JSON schema of the params, as a caller writes them. */
  schema: ObjectSchema;
  /** The method takes an `op`: a request that is repeated with the same Idempotency-Key is done once. */
  has_op: boolean;
}

export interface ObjectSchema {
  properties?: Record<string, PropertySchema>;
  required?: string[];
}
export interface PropertySchema {
  type?: string;
  items?: PropertySchema;
  anyOf?: PropertySchema[];
  description?: string;
}

/** Methods without an address, each with its reason. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  'task.submit': 'its order is a file on this machine; the body of POST /v1/tasks may be as large',
};

const PLURALS: Readonly<Record<string, string>> = { log: 'tasks', daemon: 'daemon' };
const EXCEPTIONS: Readonly<Record<string, Partial<Pick<Route, 'path' | 'verb'>>>> = {
  'task.run': { path: '/v1/tasks', verb: 'POST' },
  'trigger.create': { path: '/v1/triggers' },
  'event.follow': { path: '/v1/events' },
  'log.follow': { path: '/v1/tasks/{task}/log' },
};
/** A person asks for these as well, and decides nothing with them. */
const CONTROLS = /^(?:task\.retry|daemon\..*|trigger\..*|service\..*)$/;
/** Not over HTTP: they would show what is masked everywhere else. */
export const HIDDEN_PARAMS: ReadonlySet<string> = new Set(['raw']);

export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...made } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return made;
}

function routeOf(method: Method): Route | null {
  const { name, asks } = method;
  if (name in LEFT_OUT) return null;
  const [noun = '', verb = ''] = name.split('.');
  const schema = jsonSchemaOf(method.params, 'input') as ObjectSchema;
  const properties = { ...schema.properties };
  for (const hidden of HIDDEN_PARAMS) delete properties[hidden];
  const ref = noun === 'log' ? 'task' : noun in properties ? noun : null;
  const collection = `/v1/${PLURALS[noun] ?? `${noun}s`}`;
  const rest = verb === 'list' || verb === 'get' ? '' : `/${verb.replaceAll('_', '-')}`;
  return {
    method,
    verb: asks === 'reader' ? 'GET' : 'POST',
    path: `${collection}${ref === null ? '' : `/{${ref}}`}${rest}`,
    ref,
    scope: scopeOf(name, asks),
    schema: { ...schema, properties },
    has_op: 'op' in properties,
    ...EXCEPTIONS[name],
    ...(name === 'task.run' || name === 'event.follow' ? { ref: null } : {}),
  };
}

function scopeOf(name: string, asks: Method['asks']): Scope {
  if (asks === 'reader') return 'read';
  // They say what is run.
  if (/^(?:task\.run|trigger\.(?:create|edit))$/.test(name)) return 'submit';
  // What is not known here needs the most.
  return asks === 'person' && !CONTROLS.test(name) ? 'decide' : 'control';
}

/** Those without a reference in the path first: /v1/tasks/wait is no task. */
export const ROUTES: readonly Route[] = METHODS.flatMap(method => routeOf(method) ?? []).toSorted(
  (a, b) => Number(a.path.includes('{')) - Number(b.path.includes('{')),
);

/** Query parameters as the method takes them; what is none of its kind is left as it is, for the schema to refuse. */
export function paramsOfQuery(query: URLSearchParams, schema: ObjectSchema): Record<string, unknown> {
  const params: Record<string, unknown> = {};
  for (const name of new Set(query.keys())) {
    const property = schema.properties?.[name];
    const texts = query.getAll(name);
    params[name] =
      property?.type === 'array'
        ? texts.flatMap(text => text.split(',')).map(text => parsedValue(text, property.items))
        : parsedValue(texts.at(-1)!, property);
  }
  return params;
}

function parsedValue(text: string, property: PropertySchema | undefined): unknown {
  const types = [property?.type, ...(property?.anyOf ?? []).map(({ type }) => type)];
  if (types.includes('boolean') && /^(?:true|1|)$/.test(text)) return true;
  if (types.includes('boolean') && /^(?:false|0)$/.test(text)) return false;
  const number = types.includes('integer') || types.includes('number');
  return number && /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
}
