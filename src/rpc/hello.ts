/**
 * The first words of a connection: `rasen.hello {protocol: {min, max}, client}` and the answer. Optional for people at
 * a terminal (no hello means the current major); our client always sends it. Used by both ends.
 */
import { RasenError } from '../contract/errors.ts';
import { PROTOCOL } from '../version.ts';
import type { Limits } from './limits.ts';
import { invalidParams, isObject } from './message.ts';

/** Name and version of a program, for messages and logs; proves nothing. */
export interface Program {
  name: string;
  version: string;
}

export interface Hello {
  /** The major version that both speak. */
  protocol: number;
  server: Program;
  limits: Limits;
  /** Names of what this server can do beyond the major version. */
  features: string[];
}

export interface Greeter {
  server: Program;
  limits: Limits;
  features: readonly string[];
}

/** Params of our own hello. */
export function helloParams(client: Program): { protocol: { min: number; max: number }; client: Program } {
  return { protocol: { ...PROTOCOL }, client };
}

/**
 * Answers a hello. Throws RasenError `incompatible`, or InvalidParams. Unknown fields are ignored, unlike in other
 * params: this is said before both know what the other understands.
 */
export function answerHello(params: unknown, { server, limits, features }: Greeter): Hello {
  const range = isObject(params) && isObject(params.protocol) ? params.protocol : {};
  const { min, max } = range;
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max))
    throw invalidParams([{ path: ['protocol'], message: 'must be {min, max}, two integers' }]);
  const protocol = Math.min(PROTOCOL.max, max as number);
  if (protocol < Math.max(PROTOCOL.min, min as number))
    throw new RasenError(
      'incompatible',
      `${server.name} ${server.version} speaks protocol ${PROTOCOL.min} to ${PROTOCOL.max}, the client ${min} to ${max}.`,
      { hint: 'Use client and supervisor of the same release.', data: { protocol: { ...PROTOCOL } } },
    );
  return { protocol, server, limits, features: [...features] };
}

/** Name of the program that a hello comes from; null when it says none that could stand in a line of the log. */
export function programOf(params: unknown): string | null {
  const client = isObject(params) && isObject(params.client) ? params.client : {};
  const { name } = client;
  return typeof name === 'string' && /^[\w. -]{1,40}$/.test(name) ? name : null;
}
