/**
 * The control socket's server: lock, socket, connections, and their end. The supervisor starts one with its table of
 * methods; what the methods mean is not known here.
 */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, RasenError } from '../contract/errors.ts';
import { Endpoint } from './endpoint.ts';
import type { Program } from './hello.ts';
import { LIMITS, type Limits } from './limits.ts';
import { type InstanceLock, takeInstanceLock } from './lock.ts';
import { type Log, Peer } from './peer.ts';
import type { Handler } from './request.ts';
import { Room } from './room.ts';
import { checkSocketPath, ensurePrivateFolder } from './socket-file.ts';
import { type ListenOptions, listenPath } from './transport.ts';
import type { Wire } from './wire.ts';

export type { Handler, PeerSocket, RequestContext, Send } from './request.ts';

export interface ServerOptions {
  paths: { runtime: string; socket: string; lock: string; pid: string };
  methods: ReadonlyMap<string, Handler>;
  limits?: Partial<Limits>;
  server: Program;
  /** Names of what this server can do beyond the protocol's major version, for the hello. */
  features?: readonly string[];
  log: Log;
  /** Listening socket of the service manager; default: bind one at paths.socket. */
  fd?: number | undefined;
  /** A lock that the caller took before and releases after; default: paths.lock, taken and released here. */
  instance_lock?: InstanceLock | undefined;
  /** Called once when another supervisor has taken this instance's lock; then this one should end. */
  lost?: (error: RasenError) => void;
  /** Why the place of the socket is not ours any more; it is then not made again. Null: it is. */
  gone?: () => string | null;
}

export interface RpcServer {
  /** Connections that are open now. */
  readonly connections: number;
  /**
   * Removes the socket, aborts running requests, answers new ones with 14, flushes. Connections that are open
   * after `grace_ms` (default: close_grace_ms) are destroyed. `why`: what clients are told, where it is not just an end.
   */
  close(grace_ms?: number, why?: string): Promise<void>;
}

/** Throws RasenError `already_running`, which names the holder's pid, `socket_path`, `socket_in_use`, `storage` or `spawn`. */
export async function startServer(options: ServerOptions): Promise<RpcServer> {
  const limits: Limits = { ...LIMITS, ...options.limits };
  const { paths } = options;
  checkSocketPath(paths.socket, limits);
  ensurePrivateFolder(paths.runtime);
  const own = options.instance_lock ? undefined : takeInstanceLock(paths.lock);
  const connections = new Connections(options, limits);
  try {
    const { log, fd, lost, gone } = options;
    const lock = options.instance_lock ?? own!;
    const endpoint = await Endpoint.open({ paths, lock, limits, listen: connections, log, fd, lost, gone });
    return new Server(connections, endpoint, own, limits);
  } catch (error) {
    own?.release();
    throw error;
  }
}

export interface DoorOptions extends Pick<ServerOptions, 'methods' | 'limits' | 'server' | 'log'> {
  /** In a folder of its own, which is made where it is missing; what is there is a socket that somebody before us has left. */
  path: string;
}

/**
 * Another socket beside the control socket, with methods of its own: no lock, no pid file, and nobody makes it again where
 * its file is removed. Throws RasenError `socket_path`.
 */
export async function openDoor({ path, limits: more, ...options }: DoorOptions): Promise<RpcServer> {
  const limits: Limits = { ...LIMITS, ...more };
  checkSocketPath(path, limits);
  ensurePrivateFolder(dirname(path));
  const connections = new Connections(options, limits);
  rmSync(path, { force: true });
  const listener = await listenPath(path, connections).catch(error => {
    throw new RasenError('socket_path', `The socket ${path} cannot be bound: ${messageOf(error)}.`, {
      cause: error,
    });
  });
  const endpoint = { close: async () => listener.close() };
  return new Server(connections, endpoint, undefined, limits);
}

class Server implements RpcServer {
  readonly #connections: Connections;
  readonly #endpoint: Pick<Endpoint, 'close'>;
  readonly #own_lock: InstanceLock | undefined;
  readonly #limits: Limits;
  #closing: Promise<void> | undefined;

  constructor(
    connections: Connections,
    endpoint: Pick<Endpoint, 'close'>,
    own_lock: InstanceLock | undefined,
    limits: Limits,
  ) {
    this.#connections = connections;
    this.#endpoint = endpoint;
    this.#own_lock = own_lock;
    this.#limits = limits;
  }

  get connections(): number {
    return this.#connections.size;
  }

  close(grace_ms: number = this.#limits.close_grace_ms, why?: string): Promise<void> {
    this.#closing ??= this.#close(grace_ms, why);
    return this.#closing;
  }

  async #close(grace_ms: number, why: string | undefined): Promise<void> {
    try {
      await this.#endpoint.close();
    } finally {
      await this.#connections.leave(grace_ms, why);
      this.#own_lock?.release();
    }
  }
}

/** All connections of one server. */
class Connections implements ListenOptions {
  readonly connections: number;
  readonly #options: Pick<ServerOptions, 'methods' | 'server' | 'features' | 'log'>;
  readonly #limits: Limits;
  readonly #peers = new Set<Peer>();
  readonly #room: Room;
  #count = 0;
  #leaving = false;
  #emptied: (() => void) | undefined;

  constructor(options: Pick<ServerOptions, 'methods' | 'server' | 'features' | 'log'>, limits: Limits) {
    this.#options = options;
    this.#limits = limits;
    this.#room = new Room(this.#peers, limits, options.log);
    // Room for those that are told why they have none, and some more: whom the listener drops learns nothing.
    this.connections = limits.connections * 3;
  }

  get size(): number {
    return this.#peers.size;
  }

  accept(wire: Wire): Peer | undefined {
    if (this.#leaving) return undefined;
    const admitted = this.#room.make();
    const { methods, log, server, features = [] } = this.#options;
    this.#count += 1;
    const peer = new Peer(wire, {
      connection: this.#count,
      methods,
      limits: this.#limits,
      greeter: { server, limits: this.#limits, features },
      log,
      closed: () => {
        this.#peers.delete(peer);
        if (this.#peers.size === 0) this.#emptied?.();
      },
    });
    this.#peers.add(peer);
    if (!admitted) this.#room.refuse(peer);
    return peer;
  }

  dropped(): void {
    this.#room.full();
  }

  failed(error: unknown): void {
    const err = error instanceof Error ? error.stack : String(error);
    this.#options.log.error({ err }, 'the control socket failed');
  }

  async leave(grace_ms: number, why = 'The supervisor is shutting down.'): Promise<void> {
    this.#leaving = true;
    if (this.#peers.size === 0) return;
    const empty = new Promise<void>(resolve => {
      this.#emptied = resolve;
    });
    const reason = new RasenError('shutting_down', why, {
      hint: 'Try again in a moment.',
    });
    for (const peer of this.#peers) peer.leave(reason);
    const timer = setTimeout(() => {
      for (const peer of this.#peers) peer.abandon();
    }, grace_ms);
    await empty;
    clearTimeout(timer);
  }
}
