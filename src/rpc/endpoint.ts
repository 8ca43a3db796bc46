/**
 * The socket at its path for as long as the server lives: bound under the instance's lock, bound again when its file
 * vanishes (a cleaner of temporary files, a careless rm), given up when another supervisor has taken the place.
 * server.ts opens one. A socket that the service manager holds is accepted on; where its file is gone, clients cannot
 * find it any more, and one of our own takes the path until the manager makes its socket anew.
 */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { errnoOf, messageOf, RasenError } from '../contract/errors.ts';
import { readForeign } from '../host/foreign-file.ts';
import type { Limits } from './limits.ts';
import type { InstanceLock } from './lock.ts';
import type { Log } from './peer.ts';
import {
  clearStaleSocket,
  closeKeepingOthers,
  ensurePrivateFolder,
  type FileId,
  fileId,
  isAnswered,
} from './socket-file.ts';
import { type Listener, type ListenOptions, listenFd, listenPath } from './transport.ts';

/** Of a pid file that is read. */
const PID_BYTES_MAX = 64;

export interface EndpointOptions {
  paths: { runtime: string; socket: string; pid: string };
  lock: InstanceLock;
  limits: Limits;
  listen: ListenOptions;
  log: Log;
  /** A listening socket of the service manager, instead of one at the path. */
  fd?: number | undefined;
  /** Called once when another supervisor holds the lock of this instance. */
  lost?: ((error: RasenError) => void) | undefined;
  /** See ServerOptions. */
  gone?: (() => string | null) | undefined;
}

export class Endpoint {
  readonly #options: EndpointOptions;
  /** On the socket of the service manager. */
  #handed: Listener | undefined;
  /** On a socket of our own. */
  #listener: Listener | undefined;
  #id: FileId = '';
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<void> | undefined;
  #closed = false;
  /** The last problem that was logged, so that a lasting one is logged once. */
  #problem: string | undefined;

  private constructor(options: EndpointOptions) {
    this.#options = options;
  }

  /** Throws RasenError `socket_path`, `socket_in_use` or `storage`. */
  static async open(options: EndpointOptions): Promise<Endpoint> {
    const endpoint = new Endpoint(options);
    const { fd, paths, limits, listen } = options;
    // Left by one that was killed: what it has left behind has no owner yet, also where this one cannot start.
    const orphans = existsSync(paths.pid);
    try {
      // Before anybody is answered: whoever finds it and no supervisor knows that one was killed.
      endpoint.#writePid();
      if (fd === undefined) await endpoint.#bind();
      else endpoint.#handed = await accepting(fd, paths.socket, listen);
    } catch (error) {
      endpoint.#handed?.close();
      endpoint.#unbind();
      if (!orphans) endpoint.#removePid();
      throw error;
    }
    // Left by a supervisor that was killed: a file that leads nowhere hides that the manager's is gone.
    if (fd !== undefined && !(await isAnswered(paths.socket, limits.connect_ms))) await endpoint.#rebind();
    endpoint.#timer = setInterval(() => endpoint.#check(), limits.rebind_check_ms);
    return endpoint;
  }

  /** Stops accepting and removes socket and pid file, each only if it is still ours. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#checking;
    this.#handed?.close();
    this.#unbind();
    this.#removePid();
  }

  async #bind(): Promise<void> {
    const { paths, limits, listen } = this.#options;
    await clearStaleSocket(paths.socket, limits);
    try {
      this.#listener = await listenPath(paths.socket, listen);
    } catch (error) {
      const kind = errnoOf(error) === 'EADDRINUSE' ? 'socket_in_use' : 'socket_path';
      throw new RasenError(kind, `The socket ${paths.socket} cannot be bound: ${messageOf(error)}.`, {
        hint: 'Look what is at this path and who may write to its folder.',
        data: { path: paths.socket },
        cause: error,
      });
    }
    this.#id = fileId(paths.socket) ?? '';
  }

  #unbind(): void {
    const listener = this.#listener;
    this.#listener = undefined;
    if (listener) closeKeepingOthers(this.#options.paths.socket, this.#id, () => listener.close());
  }

  #check(): void {
    if (this.#checking || this.#isInPlace()) return;
    this.#checking = this.#rebind().finally(() => {
      this.#checking = undefined;
    });
  }

  /** Where the manager's socket is accepted on, whatever has the path is left alone. */
  #isInPlace(): boolean {
    const there = fileId(this.#options.paths.socket);
    if (this.#handed) return there !== undefined;
    return this.#listener !== undefined && there === this.#id;
  }

  /** The old listener is closed first: closing it later would remove the new socket. */
  async #rebind(): Promise<void> {
    const { paths, lock, log, lost, gone } = this.#options;
    if (gone?.()) return;
    try {
      this.#unbind();
      ensurePrivateFolder(paths.runtime);
      lock.ensure();
      if (this.#closed) return;
      await this.#bind();
      this.#writePid();
      this.#problem = undefined;
      log.warn({ path: paths.socket }, 'the socket was gone from its path; bound again');
    } catch (error) {
      const problem = messageOf(error);
      if (problem === this.#problem) return;
      this.#problem = problem;
      log.error({ path: paths.socket, problem }, 'the socket is gone from its path and cannot be bound');
      if (error instanceof RasenError && error.kind === 'already_running') lost?.(error);
    }
  }

  #writePid(): void {
    const { pid } = this.#options.paths;
    const next = `${pid}.${process.pid}`;
    try {
      rmSync(next, { force: true });
      writeFileSync(next, `${process.pid}\n`, { mode: 0o600, flag: 'wx' });
      renameSync(next, pid);
    } catch (error) {
      throw new RasenError('storage', `The pid file ${pid} could not be written: ${messageOf(error)}.`, {
        hint: 'Look whether its disk is full.',
        cause: error,
      });
    }
  }

  #removePid(): void {
    const { pid } = this.#options.paths;
    const read = readForeign({ root: dirname(pid), path: basename(pid) }, PID_BYTES_MAX);
    if (read.ok && read.value.bytes.toString('latin1') === `${process.pid}\n`) rmSync(pid, { force: true });
  }
}

async function accepting(fd: number, path: string, listen: ListenOptions): Promise<Listener> {
  try {
    return await listenFd(fd, path, listen);
  } catch (error) {
    throw new RasenError(
      'socket_path',
      `The socket of the service manager (descriptor ${fd}) cannot be used: ${messageOf(error)}.`,
      { hint: 'It must be a listening stream socket: see ListenStream= in its socket unit.', cause: error },
    );
  }
}
