/**
 * What a method of the control protocol is: name, schemas and documentation in one object. The dispatcher, the OpenRPC
 * document and rasen-protocol(7) are all made from these; what answers it is in supervisor/handlers/.
 */
import type * as z from 'zod';
import type { ErrorKind } from '../errors.ts';

/**
 * Who may ask. What runs inside an attempt is no person, and may ask for less:
 *
 *   reader   anybody: nothing is changed, and nobody is looked up
 *   anyone   anybody; who it was is in the journal
 *   own      a person; from inside an attempt about its own task, and those that were submitted from inside it
 *   child    a person; from inside an attempt about those alone
 *   person   a person
 */
export type Who = 'reader' | 'anyone' | 'own' | 'child' | 'person';

export interface Method<
  N extends string = string,
  P extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
> {
  name: N;
  /** One sentence, shown in the documents. */
  summary: string;
  asks: Who;
  /** Strict: an unknown parameter is an error. */
  params: P;
  /** Loose: fields are added within a major version. */
  result: R;
  /** A stream answers with notifications until its final result. */
  stream?: { notification: string; params: z.ZodType };
  /** Domain errors a caller must expect, besides the general ones. */
  errors: readonly ErrorKind[];
}

export function defineMethod<const N extends string, P extends z.ZodType, R extends z.ZodType>(
  method: Method<N, P, R>,
): Method<N, P, R> {
  return method;
}

/** Parameters (as a caller writes them) and result (as a caller reads it) of a method. */
export type ParamsOf<M> = M extends Method<string, infer P, z.ZodType> ? z.input<P> : never;
export type ResultOf<M> = M extends Method<string, z.ZodType, infer R> ? z.output<R> : never;
/** The same as the one who answers has them: parameters with their defaults, and a result that may leave out its own. */
export type AskedOf<M> = M extends Method<string, infer P, z.ZodType> ? z.output<P> : never;
export type AnswerOf<M> = M extends Method<string, z.ZodType, infer R> ? z.input<R> : never;
