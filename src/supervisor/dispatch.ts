/** Turns the method table into the handlers of the socket: parse strictly, find out who asks where it matters, call, answer. */
import { METHODS, type MethodName } from '../contract/methods/index.ts';
import { asTrouble } from '../host/trouble.ts';
import { invalidParams } from '../rpc/message.ts';
import type { Handler, RequestContext } from '../rpc/server.ts';
import type { AskContext, Handler as Handle } from './handlers/define.ts';
import { HANDLERS } from './handlers/index.ts';
import type { Supervisor } from './supervisor.ts';

export function handlersOf({
  guard,
  serving,
}: Pick<Supervisor, 'guard' | 'serving'>): ReadonlyMap<string, Handler> {
  return new Map(
    METHODS.map(method => [
      method.name,
      (params, context) => {
        const handle = HANDLERS[method.name as MethodName] as Handle<MethodName>;
        const parsed = method.params.safeParse(params ?? {});
        if (!parsed.success)
          throw invalidParams(
            parsed.error.issues.map(({ path, message, code }) => ({ path: path.map(String), message, code })),
          );
        // Not async: what can be answered at once is answered in order.
        if (method.asks === 'reader')
          return orTrouble(() => handle(parsed.data as never, serving, context as AskContext));
        const { task } = parsed.data as { task?: string };
        return orTrouble(() =>
          guard
            .check(method, task, context)
            .then(origin => handle(parsed.data as never, serving, asking(context, origin))),
        );
      },
    ]),
  );
}

/** What the machine could not do just now is no bug of ours, and can be asked for again. */
function orTrouble<T>(answer: () => T): T {
  const fail = (error: unknown): never => {
    throw asTrouble(error, 'The machine could not do its part') ?? error;
  };
  try {
    const given = answer();
    return given instanceof Promise ? (given.catch(fail) as T) : given;
  } catch (error) {
    return fail(error);
  }
}

/** A context is of one request, so it can carry who made it. */
const asking = (context: RequestContext, origin: AskContext['origin']): AskContext =>
  Object.assign(context, { origin });
