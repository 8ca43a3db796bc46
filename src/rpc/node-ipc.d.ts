/** The part of node-ipc 14.0.0 that transport.ts uses; the package has no types, and those of @types are of 9.x. */
declare module 'node-ipc' {
  import type { Server as NetServer, Socket } from 'node:net';

  interface Parser {
    raw: boolean;
    encode(data: string): string;
    read(buffer: unknown, data: unknown): unknown;
  }

  interface Config {
    socketRoot: string;
    secureSocketRoot: boolean;
    unlink: boolean;
    parser: Parser | string;
    maxConnections: number;
    silent: boolean;
  }

  interface Server {
    /** The net.Server; false before start(). */
    server: NetServer | false;
    /** Hands over a socket that another net.Server accepted. */
    addSocket(socket: Socket): void;
    /** Binds synchronously as long as `unlink` is false; `start` or `error` follow. */
    start(): void;
    /** With a raw parser: writes `data`; false when the reader is behind. */
    emit(socket: Socket, data: string): boolean;
    on(event: 'start', handler: () => void): this;
    on(event: 'error', handler: (error: Error) => void): this;
    on(event: 'connect' | 'close', handler: (socket: Socket) => void): this;
    on(event: 'data', handler: (data: Buffer, socket: Socket) => void): this;
  }

  export class IPCModule {
    config: Config;
    server: Server | false;
    serve(path: string): void;
  }
}
