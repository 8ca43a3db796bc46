/**
 * JSON-RPC 2.0 messages: what is one, the texts of answers, and how errors become error objects and back. Used by both
 * ends; knows no method of rasen. Light on purpose: the command line loads it before every answer.
 */
import { ERRORS, type ErrorKind, RasenError } from '../contract/errors.ts';

export const CODES = {
  parse_error: -32700,
  invalid_request: -32600,
  method_not_found: -32601,
  invalid_params: -32602,
  internal: -32603,
  frame_too_large: 10,
} as const;

/** `$/…` notifications belong to the protocol; unknown ones are ignored by both ends. */
export const CANCEL = '$/cancelRequest';
export const ALIVE = '$/alive';
export const HELLO = 'rasen.hello';

export type Id = string | number;

export interface ErrorObject {
  code: number;
  message: string;
  data?: Record<string, unknown> | undefined;
}

/** One entry of a frame, as the server sees it. */
export type Entry =
  | { kind: 'request'; id: Id; method: string; params: unknown }
  | { kind: 'notification'; method: string; params: unknown }
  | { kind: 'invalid'; id: Id | null; error: ErrorObject };

/** Integers beyond 2^53 would come back as another number, so they are refused. */
export function isId(value: unknown): value is Id {
  return typeof value === 'string' || Number.isSafeInteger(value);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Judges one parsed value (not a batch). Never throws. */
export function readEntry(value: unknown): Entry {
  if (!isObject(value)) return invalid(null, 'a message must be an object');
  const { id, method, params } = value;
  const known = isId(id) ? id : null;
  if (value.jsonrpc !== '2.0') return invalid(known, '"jsonrpc" must be "2.0"');
  if (typeof method !== 'string') return invalid(known, '"method" must be a string');
  if (params !== undefined && (typeof params !== 'object' || params === null))
    return invalid(known, '"params" must be an object or an array');
  if (!Object.hasOwn(value, 'id')) return { kind: 'notification', method, params };
  if (known === null) return invalid(null, '"id" must be a string or an integer');
  return { kind: 'request', id: known, method, params };
}

export function invalid(id: Id | null, reason: string, code: number = CODES.invalid_request): Entry {
  const what = code === CODES.parse_error ? 'Parse error' : 'Invalid request';
  return { kind: 'invalid', id, error: { code, message: `${what}: ${reason}.`, data: { kind: 'usage' } } };
}

/** Text of a successful answer, without its newline. Throws what JSON.stringify throws (a cycle, a BigInt). */
export function resultText(id: Id, result: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result: result === undefined ? null : result });
}

export function errorText(id: Id | null, error: ErrorObject): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error });
}

export function notificationText(method: string, params?: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params });
}

/** One finding about params, as zod reports it. */
export interface Issue {
  path?: readonly PropertyKey[] | undefined;
  message: string;
}

/** Thrown by a handler whose params are wrong; becomes -32602 with the issues in `data`. */
export class InvalidParams extends Error {
  readonly code = CODES.invalid_params;
  readonly data: { kind: 'usage'; issues: readonly Issue[] };

  constructor(issues: readonly Issue[]) {
    const first = issues[0];
    const at = first?.path?.length ? `${first.path.map(String).join('.')}: ` : '';
    super(`Invalid params: ${first ? `${at}${first.message}` : 'not what the method takes'}.`);
    this.name = 'InvalidParams';
    this.data = { kind: 'usage', issues };
  }
}

/** The error for params that a method does not take; `issues` are zod's. */
export function invalidParams(issues: readonly Issue[]): InvalidParams {
  return new InvalidParams(issues);
}

/** The error object of an expected failure, or undefined when `error` is a bug, whose text must not leave the log. */
export function errorObject(error: unknown): ErrorObject | undefined {
  if (error instanceof RasenError) {
    const data: Record<string, unknown> = { ...error.data, kind: error.kind };
    if (error.hint !== undefined) data.hint = error.hint;
    return { code: error.code, message: error.message, data };
  }
  if (error instanceof Error && (error as { code?: unknown }).code === CODES.invalid_params) {
    const data = (error as { data?: unknown }).data;
    return {
      code: CODES.invalid_params,
      message: error.message,
      data: isObject(data) ? { kind: 'usage', ...data } : { kind: 'usage', issues: data },
    };
  }
  return undefined;
}

/** What a client is told about a bug. */
export const INTERNAL: ErrorObject = {
  code: CODES.internal,
  message: 'Internal error.',
  data: { kind: 'internal', hint: 'The log of the supervisor has the details.' },
};

/** The other direction: what a client throws for a received error object. */
export function errorFrom(error: unknown): RasenError {
  const { message, data } = isObject(error) ? error : { message: undefined, data: undefined };
  const text =
    typeof message === 'string' ? message : 'The supervisor answered with an error that has no text.';
  const { kind, hint, ...facts } = isObject(data) ? data : {};
  return new RasenError(isKind(kind) ? kind : 'internal', text, {
    ...(typeof hint === 'string' ? { hint } : {}),
    ...(Object.keys(facts).length > 0 ? { data: facts } : {}),
  });
}

function isKind(value: unknown): value is ErrorKind {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value);
}
