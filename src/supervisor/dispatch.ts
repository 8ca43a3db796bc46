/** Turns the method table into the handlers of the socket: parse strictly, find out who asks where it matters, call, answer. */
import type { AskContext } from '../contract/methods/define.ts';
import { METHODS } from '../contract/methods/index.ts';
import { invalidParams } from '../rpc/message.ts';
import type { Handler, RequestContext } from '../rpc/server.ts';
import type { Supervisor } from './supervisor.ts';

export function handlersOf(supervisor: Supervisor): ReadonlyMap<string, Handler> {
  return new Map(
    METHODS.map(method => [
      method.name,
      (params, context) => {
        const parsed = method.params.safeParse(params ?? {});
        if (!parsed.success)
          throw invalidParams(
            parsed.error.issues.map(({ path, message, code }) => ({ path: path.map(String), message, code })),
          );
        // Not async: what can be answered at once is answered in order.
        if (method.asks === 'reader') return method.handle(parsed.data, supervisor, context as AskContext);
        const { task } = parsed.data as { task?: string };
        return supervisor.guard
          .check(method, task, context)
          .then(origin => method.handle(parsed.data, supervisor, asking(context, origin)));
      },
    ]),
  );
}

/** A context is of one request, so it can carry who made it. */
const asking = (context: RequestContext, origin: AskContext['origin']): AskContext =>
  Object.assign(context, { origin });
