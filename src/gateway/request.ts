/** What handlers know of a request, and how they read its body: JSON of limited size, whatever its headers say. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from 'hono';
import type * as z from 'zod';
import { RasenError } from '../contract/errors.ts';
import { type Admitted, BODY_BYTES_MAX, type Guard } from './guard.ts';
import { Refused } from './problem.ts';
import type { Principal, Scope } from './who.ts';

export interface Env {
  Bindings: { incoming: IncomingMessage; outgoing: ServerResponse; admitted: Admitted };
  Variables: { admitted: Admitted };
}
export type Ctx = Context<Env>;

/** The principal, or `Refused`. */
export function need(guard: Guard, c: Ctx, scope: Scope): Promise<Principal> {
  return guard.need(scope, c.get('admitted'), c.env.incoming.socket);
}

/** Aborted when the client has gone. */
export function goneSignal({ env: { outgoing } }: Ctx): AbortSignal {
  const gone = new AbortController();
  outgoing.once('close', () => gone.abort());
  return gone.signal;
}

/** The body as it came. */
export async function readBytes(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX)
      throw new Refused('too_large', `The body is larger than ${BODY_BYTES_MAX} bytes.`, {
        Connection: 'close',
      });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** An object; `{}` where there is no body. */
export async function readJson(incoming: IncomingMessage): Promise<Record<string, unknown>> {
  const bytes = await readBytes(incoming);
  if (bytes.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new RasenError('usage', 'The body is not JSON in UTF-8.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RasenError('usage', 'The body must be a JSON object.');
  return value as Record<string, unknown>;
}

/** Throws `usage` that names what is wrong, as the supervisor would. */
export function checked<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const found = schema.safeParse(value);
  if (found.success) return found.data;
  const issues = found.error.issues.map(({ path, message }) => ({
    path: path.map(String).join('.'),
    message,
  }));
  const first = issues[0];
  throw new RasenError('usage', `Invalid params: ${first?.path ? `${first.path}: ` : ''}${first?.message}`, {
    data: { issues },
  });
}
