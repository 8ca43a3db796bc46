/**
 * What the tests of src/rpc stand on: a folder of their own, servers in it, and a client that sends any bytes and sees
 * every line. Everything that was opened is closed after each test.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import type { Limits } from '../../src/rpc/limits.ts';
import { type RpcServer, type ServerOptions, startServer } from '../../src/rpc/server.ts';
import { type Json, testMethods } from './rpc-methods.ts';

export type { Json };

/** The last one first. Not by a hook of this module, which tests share: it would be one of the first of them alone. */
export function atEnd(release: () => unknown): void {
  onTestFinished(async () => {
    await release();
  });
}

export type RpcPaths = ServerOptions['paths'];

/** Paths of one instance in a new folder; the folder must hold nothing but the lock when the test is over. */
export function newPaths(): RpcPaths {
  const folder = mkdtempSync(join(tmpdir(), 'rasen-rpc-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return pathsIn(join(folder, 'run'));
}

export function pathsIn(runtime: string): RpcPaths {
  const at = (name: string) => join(runtime, name);
  return { runtime, socket: at('rasend.sock'), lock: at('rasend.lock'), pid: at('rasend.pid') };
}

export function filesOf(paths: RpcPaths): string[] {
  return existsSync(paths.runtime) ? readdirSync(paths.runtime).sort() : [];
}

/** Polls until `probe` gives something that is not undefined, null or false. */
export async function until<T>(
  probe: () => T | Promise<T>,
  what = 'condition',
  ms = 90_000,
): Promise<NonNullable<T>> {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== null && value !== false) return value as NonNullable<T>;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for: ${what}`);
    await sleep(3);
  }
}

export interface LogLine {
  level: string;
  facts: Record<string, unknown>;
  message: string;
}

export function testLog() {
  const lines: LogLine[] = [];
  const at = (level: string) => (facts: object, message: string) => {
    lines.push({ level, facts: facts as Record<string, unknown>, message });
  };
  return { lines, info: at('info'), warn: at('warn'), error: at('error') };
}

/** A server inside the test. */
export async function newServer({
  limits,
  paths = newPaths(),
  ...more
}: Partial<ServerOptions> & { limits?: Partial<Limits> } = {}) {
  const { methods, seen, ring } = testMethods();
  const log = testLog();
  const server: RpcServer = await startServer({
    paths,
    methods,
    log,
    server: { name: 'rasend', version: '1.2.3' },
    features: ['test'],
    ...(limits ? { limits } : {}),
    ...more,
  });
  atEnd(() => server.close(0));
  return { server, paths, log, seen, ring };
}

/** A client without manners: raw bytes out, lines in. */
export class RawClient {
  readonly socket: Socket;
  readonly lines: Json[] = [];
  /** Text behind the last newline. */
  rest = '';
  ended = false;
  closed = false;
  error: Error | undefined;
  #at = 0;

  constructor(path: string, allowHalfOpen = false) {
    this.socket = connect({ path, allowHalfOpen });
    this.socket.setEncoding('utf8');
    this.socket.on('data', (text: string) => {
      const lines = (this.rest + text).split('\n');
      this.rest = lines.pop()!;
      for (const line of lines) this.lines.push(JSON.parse(line));
    });
    this.socket.on('end', () => {
      this.ended = true;
    });
    this.socket.on('error', error => {
      this.error = error;
    });
    this.socket.on('close', () => {
      this.closed = true;
    });
    atEnd(() => this.socket.destroy());
  }

  write(data: string | Buffer): void {
    this.socket.write(data);
  }

  send(...messages: unknown[]): void {
    this.write(messages.map(message => `${JSON.stringify(message)}\n`).join(''));
  }

  request(id: unknown, method: string, params?: unknown): void {
    this.send({ jsonrpc: '2.0', id, method, params });
  }

  /** The next line that was not asked for yet. */
  async next(): Promise<Json> {
    await until(() => this.lines.length > this.#at || this.closed, 'a line');
    if (this.lines.length <= this.#at) throw new Error(`closed before the next line (${this.error})`);
    return this.lines[this.#at++];
  }

  async ask(id: unknown, method: string, params?: unknown): Promise<Json> {
    this.request(id, method, params);
    return await this.next();
  }

  answer(id: unknown): Promise<Json> {
    return until(() => this.lines.find(line => line.id === id), `answer ${id}`);
  }

  async whenClosed(): Promise<void> {
    await until(() => this.closed, 'the end of the connection');
  }
}

export function newClient(paths: RpcPaths, allowHalfOpen = false): RawClient {
  return new RawClient(paths.socket, allowHalfOpen);
}

export async function expectAlive(client: RawClient): Promise<void> {
  const id = `alive ${Math.random()}`;
  client.request(id, 'echo', { fine: true });
  expect(await client.answer(id)).toEqual({ jsonrpc: '2.0', id, result: { fine: true } });
}

export interface Daemon {
  child: ChildProcess;
  pid: number;
  paths: RpcPaths;
  /** {ready: true} or {error: {kind, message, data}}. */
  started: Promise<{ ready?: true; error?: { kind: string; message: string; data?: Json } }>;
  exited: Promise<{ code: number | null; signal: string | null }>;
  stdout(): string;
  stderr(): string;
}

const FIXTURE = new URL('./rpc-server-fixture.ts', import.meta.url).pathname;

/** A server in a process of its own. */
export function newDaemon(
  paths: RpcPaths = newPaths(),
  options: { limits?: Partial<Limits>; grace_ms?: number; fd?: number; stdio_fd?: number } = {},
): Daemon {
  const { stdio_fd, ...json } = options;
  const stdio: Json[] = ['ignore', 'pipe', 'pipe', stdio_fd ?? 'ignore', 'ipc'];
  const child = spawn(process.execPath, [FIXTURE, JSON.stringify({ paths, ...json })], { stdio });
  let out = '';
  let err = '';
  child.stdout!.on('data', chunk => {
    out += chunk;
  });
  child.stderr!.on('data', chunk => {
    err += chunk;
  });
  const exited = new Promise<{ code: number | null; signal: string | null }>(resolve => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const started = new Promise<Json>((resolve, reject) => {
    child.once('message', resolve);
    exited.then(({ code }) => reject(new Error(`fixture ended with ${code}: ${err}`)));
  });
  started.catch(() => {});
  atEnd(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return { child, pid: child.pid!, paths, started, exited, stdout: () => out, stderr: () => err };
}

export async function readyDaemon(...args: Parameters<typeof newDaemon>): Promise<Daemon> {
  const daemon = newDaemon(...args);
  expect(await daemon.started).toEqual({ ready: true });
  return daemon;
}
