/**
 * Listening and accepting, by node-ipc in byte mode: it carries listener, connections and bytes; framing, limits,
 * timers and shutdown are ours. The only file that imports node-ipc. What its defaults would do wrong (steal a living
 * socket, log to stdout, chmod a directory, lose answers after a half-close) is switched off here.
 */
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { IPCModule, type Server as IpcServer } from 'node-ipc';
import type { Wire, WireEvents } from './wire.ts';

export interface ListenOptions {
  /** Most connections of this listener; more are dropped before anything is read from them. */
  connections: number;
  /** A new connection; what it returns is told everything about it. Undefined refuses it. */
  accept(wire: Wire): WireEvents | undefined;
  dropped(): void;
  /** Errors after the start: of the listener, or a bug while input was handled (that connection is destroyed). */
  failed(error: unknown): void;
}

export interface Listener {
  /**
   * Stops accepting, at once; connections go on. For a listener that was bound to a path, libuv removes whatever file
   * is at that path.
   */
  close(): void;
}

/** Binds a socket at `path` with mode 0600. Rejects with the system's error, EADDRINUSE when the path exists. */
export async function listenPath(path: string, options: ListenOptions): Promise<Listener> {
  const ipc = carrier(path, options);
  await new Promise<void>((resolve, reject) => {
    ipc.on('start', resolve);
    ipc.on('error', reject);
    // The bind is synchronous, so no other file of this process is made under this umask.
    const umask = process.umask(0o177);
    try {
      ipc.start();
    } finally {
      process.umask(umask);
    }
  });
  const listener = ipc.server as NetServer;
  listener.on('drop', () => options.dropped());
  return { close: () => void listener.close() };
}

/** Accepts on a listening socket that the service manager opened; its file stays when this closes. */
export async function listenFd(fd: number, path: string, options: ListenOptions): Promise<Listener> {
  const ipc = carrier(path, options);
  ipc.on('error', () => {});
  const listener = createServer({ allowHalfOpen: true }, socket => ipc.addSocket(socket));
  listener.maxConnections = options.connections;
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ fd }, resolve);
  });
  listener.on('error', error => options.failed(error));
  listener.on('drop', () => options.dropped());
  return { close: () => void listener.close() };
}

function carrier(path: string, options: ListenOptions): IpcServer {
  const module = new IPCModule();
  Object.assign(module.config, {
    // The path is outside of this, so that node-ipc makes and changes no folder.
    socketRoot: `${path}/none/`,
    secureSocketRoot: false,
    unlink: false,
    parser: { raw: true, encode: (line: string) => line, read: (buffer: unknown) => buffer },
    maxConnections: options.connections,
    silent: true,
  });
  module.serve(path);
  const ipc = module.server as IpcServer;
  const events = new WeakMap<Socket, WireEvents>();
  ipc.on('connect', socket => {
    // node-ipc does not ask for half-open sockets; without it, a client that has sent its last line gets no answer.
    socket.allowHalfOpen = true;
    const peer = options.accept(new SocketWire(ipc, socket));
    if (!peer) return void socket.destroy();
    events.set(socket, peer);
    socket.on('drain', () => peer.drained());
    socket.on('end', () => peer.ended());
    // An error is followed by close; node-ipc publishes it without saying whose it is, so it is handled here.
    socket.on('error', () => {});
  });
  ipc.on('data', (chunk, socket) => {
    try {
      events.get(socket)?.received(chunk);
    } catch (error) {
      socket.destroy();
      options.failed(error);
    }
  });
  ipc.on('close', socket => events.get(socket)?.closed());
  return ipc;
}

class SocketWire implements Wire {
  readonly #ipc: IpcServer;
  readonly #socket: Socket;

  constructor(ipc: IpcServer, socket: Socket) {
    this.#ipc = ipc;
    this.#socket = socket;
  }

  write(data: string): boolean {
    // Writing after the end or on a dead socket would only raise an error that nobody can act on.
    return this.#socket.writable ? this.#ipc.emit(this.#socket, data) : true;
  }

  end(flushed: () => void = () => {}): void {
    this.#socket.end(flushed);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  get unsent(): number {
    return this.#socket.writableLength;
  }

  /** Not documented, but what node:net itself looks at for its own timeouts; without it, whole writes count. */
  get queued(): number {
    return handleOf(this.#socket)?.writeQueueSize ?? 0;
  }

  get fd(): number | null {
    const fd = handleOf(this.#socket)?.fd ?? -1;
    return fd < 0 ? null : fd;
  }
}

function handleOf(socket: Socket): { writeQueueSize?: number; fd?: number } | null | undefined {
  return (socket as { _handle?: { writeQueueSize?: number; fd?: number } | null })._handle;
}
