/** A client that says what no client of ours would: raw bytes on the control socket, and the lines that come back. */
import { connect, type Socket } from 'node:net';
import { until } from './instance.ts';

export interface Answer {
  id?: string | number | null;
  result?: unknown;
  error?: { code: number; message: string; data?: { kind?: string; hint?: string; [name: string]: unknown } };
  method?: string;
  params?: Record<string, unknown>;
}

export class RawSocket {
  readonly lines: Answer[] = [];
  closed = false;
  readonly #socket: Socket;
  #rest = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      const parts = (this.#rest + text).split('\n');
      this.#rest = parts.pop()!;
      this.lines.push(...parts.filter(line => line !== '').map(line => JSON.parse(line) as Answer));
    });
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('error', () => {
      this.closed = true;
    });
  }

  static open(path: string): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once('connect', () => resolve(new RawSocket(socket)));
      socket.once('error', reject);
    });
  }

  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Sends a line and gives the next answer that is no notification; null when the connection ended without one. */
  async ask(bytes: string | Uint8Array): Promise<Answer | null> {
    const before = this.lines.length;
    this.write(typeof bytes === 'string' ? `${bytes}\n` : Buffer.concat([bytes, Buffer.from('\n')]));
    const found = () => this.lines.slice(before).find(line => line.method === undefined);
    await until('an answer', () => this.closed || found() !== undefined);
    return found() ?? null;
  }

  close(): void {
    this.#socket.destroy();
  }
}

let next = 0;

/** One request on a connection of its own. */
export async function askOnce(path: string, method: string, params: unknown): Promise<Answer | null> {
  const socket = await RawSocket.open(path);
  try {
    return await socket.ask(JSON.stringify({ jsonrpc: '2.0', id: ++next, method, params }));
  } finally {
    socket.close();
  }
}
