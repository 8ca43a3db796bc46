/**
 * The client of the control socket, for the command line and for programs: one connection, many calls. Loads only
 * node:net and small files, because every `rasen` command waits for it.
 */
import { connect as connectSocket, type Socket } from 'node:net';
import { errnoOf, messageOf, RasenError } from '../contract/errors.ts';
import { checkSocket } from '../host/private.ts';
import { VERSION } from '../version.ts';
import { type Hello, helloParams, type Program } from './hello.ts';
import { LIMITS } from './limits.ts';
import { encodeLine, type Line, LineDecoder } from './lines.ts';
import { CANCEL, errorFrom, HELLO, isObject } from './message.ts';
import { Pending } from './pending.ts';

export interface CallOptions {
  /** Longest wait for the answer; null: for ever. Default 30 s for a call, null for a stream. A late call is cancelled. */
  timeout_ms?: number | null;
  /** Cancels the request. A call rejects at once; a stream still gets its final answer, if that comes soon. */
  signal?: AbortSignal;
}

/** Gets the notifications of a stream, in order. Nothing more is read while its promise is open. */
// biome-ignore lint/suspicious/noExplicitAny: each method's notifications have params of their own.
export type OnNotify = (method: string, params: any) => void | Promise<void>;

export interface RpcClient {
  /** Rejects with a RasenError: what the server answered, `timeout`, `cancelled`, or `unreachable` when it is gone. */
  call<T>(method: string, params?: unknown, options?: CallOptions): Promise<T>;
  /** A call whose notifications are handed out until its answer, which comes last. */
  stream<T>(method: string, params: unknown, onNotify: OnNotify, options?: CallOptions): Promise<T>;
  readonly hello: Promise<Hello>;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  /** Ends the connection; open calls reject with `cancelled`. */
  close(): void;
}

export interface ConnectOptions {
  /** Longest wait for the connection; default 2 s. */
  timeout_ms?: number;
  client?: Program;
  /** Also a socket of another user: root asks for the state of a service. For calls that tell nothing of their caller. */
  any_owner?: boolean;
}

/**
 * Throws RasenError `unreachable` (at once when nothing listens), `timeout` or `socket_path`; `not_private` where the socket
 * is not this user's alone, before anything is sent.
 */
export function connect(socketPath: string, options: ConnectOptions = {}): Promise<RpcClient> {
  const { timeout_ms = LIMITS.connect_ms, client = { name: 'rasen', version: VERSION } } = options;
  const { any_owner = false } = options;
  return new Promise((resolve, reject) => {
    if (Buffer.byteLength(socketPath) > LIMITS.socket_path_bytes)
      return reject(
        new RasenError('socket_path', `The socket path ${socketPath} is too long.`, {
          hint: `At most ${LIMITS.socket_path_bytes} bytes work; set a shorter RASEN_HOME or RASEN_RUNTIME_DIR.`,
        }),
      );
    if (!any_owner) checkSocket(socketPath);
    const socket = connectSocket(socketPath);
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new RasenError('timeout', `No connection to ${socketPath} within ${timeout_ms} ms.`));
    }, timeout_ms);
    socket.once('error', error => {
      clearTimeout(timer);
      reject(unreachable(socketPath, error));
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(new Connection(socket, client));
    });
  });
}

class Connection implements RpcClient {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #client: Program;
  readonly #decoder = new LineDecoder(LIMITS.max_frame_out_bytes);
  readonly #pending = new Map<number, Pending>();
  #hello: Promise<Hello> | undefined;
  #greeted: { resolve(hello: Hello): void; reject(error: RasenError): void } | undefined;
  #max_frame_bytes: number = LIMITS.max_frame_in_bytes;
  #last_id = 0;
  /** Why the connection ended or is about to; open and later calls reject with it. */
  #over: RasenError | undefined;
  #ended = false;
  #busy = false;

  constructor(socket: Socket, client: Program) {
    this.#socket = socket;
    this.#client = client;
    this.closed = new Promise(resolve => socket.once('close', () => resolve()));
    socket.on('data', chunk => this.#received(chunk));
    socket.on('end', () => this.#end());
    socket.on('error', error => this.#end(error));
    socket.on('close', () => this.#end());
    // The hello travels with the first call. A client that has none to make at once must still say something.
    setImmediate(() => this.#sendHello());
  }

  get hello(): Promise<Hello> {
    this.#sendHello();
    return this.#hello!;
  }

  call<T>(method: string, params?: unknown, options: CallOptions = {}): Promise<T> {
    const { timeout_ms = LIMITS.call_ms, signal } = options;
    return this.#request<T>(method, params, { timeout_ms, signal });
  }

  stream<T>(method: string, params: unknown, onNotify: OnNotify, options: CallOptions = {}): Promise<T> {
    const { timeout_ms = null, signal } = options;
    return this.#request<T>(method, params, { timeout_ms, signal, onNotify });
  }

  close(): void {
    this.#over ??= new RasenError('cancelled', 'The connection was closed.');
    for (const pending of [...this.#pending.values()]) pending.giveUp(this.#over);
    this.#fail(this.#over);
    this.#socket.end(() => this.#socket.destroy());
    // Even when the other end takes nothing any more, it must not keep this process.
    this.#socket.unref();
  }

  #request<T>(
    method: string,
    params: unknown,
    { timeout_ms, signal, onNotify }: CallOptions & { onNotify?: OnNotify },
  ): Promise<T> {
    if (this.#over) return Promise.reject(this.#over);
    if (signal?.aborted) return Promise.reject(new RasenError('cancelled', `${method} was cancelled.`));
    const id = ++this.#last_id;
    const line = encodeLine({ jsonrpc: '2.0', id, method, params });
    const bytes = Buffer.byteLength(line) - 1;
    if (bytes > this.#max_frame_bytes)
      return Promise.reject(
        new RasenError('usage', `${method} with ${bytes} bytes of input is too long.`, {
          hint: `At most ${this.#max_frame_bytes} bytes fit in one request.`,
        }),
      );
    return new Promise<T>((resolve, reject) => {
      const pending = new Pending({
        method,
        timeout_ms,
        signal,
        onNotify,
        resolve: resolve as (value: unknown) => void,
        reject,
        cancel: () => this.#write(encodeLine({ jsonrpc: '2.0', method: CANCEL, params: { id } })),
        done: () => this.#pending.delete(id),
      });
      this.#pending.set(id, pending);
      this.#sendHello(line);
    });
  }

  /** Writes `line`, behind the hello and in one write with it when that was not sent yet. */
  #sendHello(line = ''): void {
    let hello = '';
    if (!this.#hello) {
      hello = encodeLine({ jsonrpc: '2.0', id: HELLO, method: HELLO, params: helloParams(this.#client) });
      this.#hello = new Promise<Hello>((resolve, reject) => {
        this.#greeted = { resolve, reject };
      });
      // Nobody has to look at it: what goes wrong with the hello goes wrong with every call.
      this.#hello.catch(() => {});
      if (this.#over) this.#greeted?.reject(this.#over);
    }
    this.#write(hello + line);
  }

  #write(text: string): void {
    if (text && this.#socket.writable) this.#socket.write(text);
  }

  #received(chunk: Buffer): void {
    this.#decoder.push(chunk);
    this.#pump();
  }

  /** Handles line after line; stops while a notification is being handled. */
  #pump(): void {
    while (!this.#busy) {
      const line = this.#decoder.next();
      if (!line) break;
      const message = parse(line);
      if (isObject(message)) this.#handle(message);
      else
        this.#fail(new RasenError('internal', 'The supervisor sent a line that is no message.'), 'destroy');
    }
    if (this.#ended && !this.#busy) this.#fail(lost());
  }

  #handle(message: Record<string, unknown>): void {
    const { id, method, params } = message;
    if (typeof method === 'string') {
      const request = isObject(params) ? params.request : undefined;
      const handled = this.#pending.get(request as number)?.notify(method, params);
      if (handled) this.#pauseFor(handled);
    } else if (id === HELLO) this.#answerHello(message);
    else if (id === null) this.#over ??= errorFrom(message.error);
    else if (message.error !== undefined) this.#pending.get(id as number)?.reject(errorFrom(message.error));
    else this.#pending.get(id as number)?.resolve(message.result);
  }

  #answerHello({ error, result }: Record<string, unknown>): void {
    if (error === undefined) {
      const hello = result as Hello;
      this.#max_frame_bytes = hello.limits?.max_frame_in_bytes ?? this.#max_frame_bytes;
      this.#greeted?.resolve(hello);
    } else {
      // Nothing that was sent behind a refused hello runs.
      this.#fail(errorFrom(error));
    }
  }

  #pauseFor(handled: Promise<void>): void {
    this.#busy = true;
    this.#socket.pause();
    void handled.finally(() => {
      this.#busy = false;
      this.#socket.resume();
      this.#pump();
    });
  }

  /** The connection is over; what has arrived is still handled. */
  #end(error?: Error): void {
    this.#ended = true;
    if (error) this.#over ??= lost(error);
    this.#pump();
    if (!this.#busy) this.#socket.destroy();
  }

  #fail(reason: RasenError, then?: 'destroy'): void {
    this.#over ??= reason;
    if (then === 'destroy') this.#socket.destroy();
    for (const pending of [...this.#pending.values()]) pending.reject(this.#over);
    this.#greeted?.reject(this.#over);
  }
}

/** Undefined when the line is not JSON in UTF-8, or too long. */
function parse(line: Line): unknown {
  try {
    return 'text' in line ? JSON.parse(line.text) : undefined;
  } catch {
    return undefined;
  }
}

function lost(cause?: Error): RasenError {
  return new RasenError('unreachable', 'The supervisor has closed the connection.', {
    hint: 'It may be restarting; try again in a moment.',
    cause,
  });
}

function unreachable(path: string, error: Error): RasenError {
  const why: Record<string, string> = {
    ENOENT: 'there is no such socket',
    ECONNREFUSED: 'nothing listens on it',
    EACCES: 'it belongs to another user',
    EAGAIN: 'it has too many waiting clients',
  };
  const code = errnoOf(error) ?? '';
  return new RasenError(
    'unreachable',
    `No supervisor answers on ${path}: ${why[code] ?? messageOf(error)}.`,
    {
      hint: 'Is rasend running?',
      data: { path, ...(code ? { errno: code } : {}) },
      cause: error,
    },
  );
}
