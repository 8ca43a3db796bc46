/** Turns the method table into the handlers of the socket: parse strictly, call, answer. */
import { METHODS } from '../methods/index.ts';
import { invalidParams } from '../rpc/message.ts';
import type { Handler } from '../rpc/server.ts';
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
        return method.handle(parsed.data, supervisor, context);
      },
    ]),
  );
}
