/**
 * The public surface for programs: a typed connection to a running supervisor. It loads node:net and little else; the
 * command line uses the same.
 */

import type { MethodName, Params, Result } from './contract/methods/index.ts';
import { checkHome } from './host/private.ts';
import { clientPaths } from './paths.ts';
import { type CallOptions, connect as dial, type OnNotify } from './rpc/client.ts';
import type { Hello, Program } from './rpc/hello.ts';

export { ERRORS, type ErrorKind, EXIT, isRasenError, RasenError } from './contract/errors.ts';
export type { Event, EventOf, EventType } from './contract/event.ts';
export type { Finding } from './contract/methods/daemon.doctor.ts';
export type { MethodName, Params, Result } from './contract/methods/index.ts';
export type { LogCursor, LogRecord } from './contract/methods/log.follow.ts';
export type { Plan, Subtask } from './contract/plan.ts';
export type { TaskSpec } from './contract/spec.ts';
export type { Definition, ReceiptView, TriggerView } from './contract/trigger.ts';
export type { SubtaskView, TaskView } from './contract/view.ts';
export { instancePaths, type Paths } from './paths.ts';
export type { CallOptions, OnNotify } from './rpc/client.ts';
export type { Hello } from './rpc/hello.ts';
export { VERSION } from './version.ts';

export interface Client {
  /** Rejects with a RasenError: what the supervisor answered, `timeout`, `cancelled`, or `unreachable` when it is gone. */
  call<N extends MethodName>(method: N, params: Params<N>, options?: CallOptions): Promise<Result<N>>;
  /** A call whose notifications come to `onNotify`, in order, until its result. */
  stream<N extends MethodName>(
    method: N,
    params: Params<N>,
    onNotify: OnNotify,
    options?: CallOptions,
  ): Promise<Result<N>>;
  readonly hello: Promise<Hello>;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  close(): void;
}

export interface ConnectOptions {
  /** Path of the socket; default: that of the instance that the environment tells (RASEN_HOME, XDG_RUNTIME_DIR). */
  socket?: string;
  /** Longest wait for the connection; default 2 s. */
  timeout_ms?: number;
  /** Name and version of the calling program, for the supervisor's log. */
  client?: Program;
  /** Also a socket of another user, for root; then nothing may be sent that another user must not know. */
  any_owner?: boolean;
}

/**
 * Throws RasenError `unreachable` at once when no supervisor listens, `timeout`, `socket_path`, or `not_private` when
 * another user could be at the other end.
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const { socket, ...rest } = options;
  const paths = clientPaths();
  if (!options.any_owner && (socket ?? paths.socket) === paths.socket) checkHome(paths.home);
  // The same object; only the types know more.
  return (await dial(socket ?? paths.socket, rest)) as Client;
}
