/**
 * What a method of the control protocol is: name, schemas, documentation and handler in one object. The dispatcher,
 * the OpenRPC document and rasen-protocol(7) are all made from these.
 */
import type * as z from 'zod';
import type { ErrorKind } from '../errors.ts';
import type { RequestContext } from '../rpc/server.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';

export interface Method<
  N extends string = string,
  P extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
> {
  name: N;
  /** One sentence, shown in the documents. */
  summary: string;
  /** Strict: an unknown parameter is an error. */
  params: P;
  /** Loose: fields are added within a major version. */
  result: R;
  /** A stream answers with notifications until its final result. */
  stream?: { notification: string; params: z.ZodType };
  /** Domain errors a caller must expect, besides the general ones. */
  errors: readonly ErrorKind[];
  handle(
    params: z.output<P>,
    supervisor: Supervisor,
    context: RequestContext,
  ): Promise<z.input<R>> | z.input<R>;
}

export function defineMethod<const N extends string, P extends z.ZodType, R extends z.ZodType>(
  method: Method<N, P, R>,
): Method<N, P, R> {
  return method;
}

/** Parameters (as a caller writes them) and result of a method. */
export type ParamsOf<M> = M extends Method<string, infer P, z.ZodType> ? z.input<P> : never;
export type ResultOf<M> = M extends Method<string, z.ZodType, infer R> ? z.output<R> : never;
