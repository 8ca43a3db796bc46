/**
 * The gateway as a process: its listeners, their limits, and what every answer carries. It is a client of the control
 * socket and has no state that matters: when it ends, no task notices.
 */
import { chmodSync, readFileSync, rmSync, statSync } from 'node:fs';
import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, isIP, type Server as NetServer } from 'node:net';
import { dirname } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import writeFileAtomic from 'write-file-atomic';
import type * as config from '../config/index.ts';
import { errnoOf, messageOf, RasenError } from '../contract/errors.ts';
import { makeFolder as makePrivateFolder } from '../host/make-folder.ts';
import type { Paths } from '../paths.ts';
import { makeApp } from './app.ts';
import { Forge } from './forge.ts';
import { type Admitted, Guard, pathOf } from './guard.ts';
import { HookSecrets } from './hook-secrets.ts';
import { Insiders, tailscaleUids } from './inside.ts';
import { Metrics } from './metrics.ts';
import { PageFiles } from './page-files.ts';
import { problemOf } from './problem.ts';
import { Repositories } from './repositories.ts';
import { Sessions } from './sessions.ts';
import { gatewayPaths, makeFolder } from './state.ts';
import { Tokens } from './tokens.ts';
import { Upstream } from './upstream.ts';

export const DEFAULT_LISTEN = '127.0.0.1:15001';

/** Of each listener. */
const LIMITS = {
  /** A request whose head is not there by then is not answered: slow clients hold no place for long. */
  headers_ms: 10_000,
  request_ms: 30_000,
  keep_alive_ms: 5_000,
  /** A cursor of the events of a thousand tasks fits. */
  header_bytes: 32 * 1024,
  headers: 60,
  connections: 1024,
  requests_per_connection: 10_000,
  close_ms: 2_000,
} as const;

export interface GatewayOptions {
  paths: Paths;
  env: NodeJS.ProcessEnv;
  config: typeof config;
  /** Folder with the files of the page. */
  page_folder: string;
  /** `ADDRESS:PORT`; null: none. */
  listen: string | null;
  /** Path of a Unix socket; null: none. */
  unix: string | null;
  /** Listening sockets that a service manager holds, in place of those two; it keeps them when this process ends. */
  inherited: readonly number[];
  /** More names under which it is asked. */
  hosts: readonly string[];
  tls: { cert: string; key: string } | null;
  behind_proxy: boolean;
  tailscale: readonly string[];
  forge_api: string | undefined;
  start?(): Promise<void>;
  log(text: string): void;
}

export interface Gateway {
  /** Where it listens, as a URL; null: on the Unix socket alone. */
  url: string | null;
  /** Path of the Unix socket; null: none. */
  unix: string | null;
  close(): Promise<void>;
}

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
};

/** Throws `usage` where it may not listen so, and what the system says where it cannot. */
export async function serveGateway(options: GatewayOptions): Promise<Gateway> {
  const { paths, env, log, inherited } = options;
  const address = options.listen === null ? null : parseListen(options.listen);
  if (address) refuseOpen(address.host, options);
  if (!address && options.unix === null && inherited.length === 0)
    throw new RasenError('usage', 'Nowhere to listen.', {
      hint: 'Give --listen ADDRESS:PORT or --unix PATH.',
    });
  const own = gatewayPaths(paths.home);
  makePrivateFolder(paths.gateway, 0o700);
  makeFolder(own.folder);
  const insiders = new Insiders();
  const counts = { requests: new Map<string, number>(), refused: new Map<string, number>() };
  const count = (map: Map<string, number>, name: string) => map.set(name, (map.get(name) ?? 0) + 1);
  const sessions = new Sessions(own);
  const guard = new Guard({
    hosts: [...OWN_HOSTS, ...(address ? namesOf(address.host) : []), ...options.hosts],
    tokens: new Tokens(own.tokens),
    sessions,
    behind_proxy: options.behind_proxy,
    tailscale: options.tailscale,
    tailscale_uids: tailscaleUids(),
    peerOf: socket => insiders.peerOf(socket),
    onRefused: kind => count(counts.refused, kind),
  });
  const upstream = new Upstream({ socket: paths.socket, ...(options.start ? { start: options.start } : {}) });
  const repositories = new Repositories(own);
  const token = env.GITHUB_TOKEN || env.GH_TOKEN || undefined;
  const forge = new Forge(own, repositories, { api: options.forge_api, token });
  const metrics = new Metrics();
  const hooks = new HookSecrets(own.hooks);
  const orders = { upstream, env, config: options.config };
  const app = makeApp({
    ...{ upstream, guard, sessions, repositories, forge, orders, metrics, paths, hooks },
    counts: () => ({ ...counts, streams: upstream.streams }),
  });
  const page = new PageFiles(options.page_folder);
  const admitted = new WeakMap<IncomingMessage, Admitted>();
  const listener = getRequestListener(
    (request, bindings) => {
      const { incoming } = bindings as { incoming: IncomingMessage };
      return app.fetch(request, { ...bindings, admitted: admitted.get(incoming) });
    },
    { overrideGlobalObjects: false },
  );
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    if (options.tls) response.setHeader('Strict-Transport-Security', 'max-age=31536000');
    const path = pathOf(request);
    response.once('finish', () => {
      count(counts.requests, `${Math.floor(response.statusCode / 100)}xx`);
      if (request.method !== 'GET' && request.method !== 'HEAD')
        log(`${request.method} ${path} ${response.statusCode} ${whoText(admitted.get(request))}`);
    });
    try {
      const is_page = page.has(path) && (request.method === 'GET' || request.method === 'HEAD');
      admitted.set(request, guard.check(request, { page: is_page }));
      if (is_page) return page.serve(path, request, response);
    } catch (error) {
      return refuse(request, response, error);
    }
    // Of what a person sees nothing stays in a cache.
    response.setHeader('Cache-Control', 'no-store');
    void listener(request, response);
  };

  const servers: Server[] = [];
  const gateway: Gateway = {
    url: null,
    unix: null,
    close: async () => {
      rmSync(own.running, { force: true });
      await closeAll(servers, upstream, options.unix);
    },
  };
  try {
    if (address) {
      const server = tcpServer({ handle, insiders, servers, options });
      await listening(server, { host: address.host, port: address.port });
      const { port } = server.address() as AddressInfo;
      gateway.url = urlOf(address.host, port, options);
    }
    for (const fd of inherited) {
      const at = await adopt(fd, { handle, insiders, servers, options });
      if (at === null) gateway.unix = paths.http;
      else {
        guard.addHosts(namesOf(at.host));
        gateway.url ??= urlOf(at.host, at.port, options);
      }
    }
    if (options.unix !== null) {
      gateway.unix = options.unix;
      await removeStale(options.unix);
      makePrivateFolder(dirname(options.unix), 0o700);
      const server = unixServer({ handle, insiders, servers, options });
      // Closed to others from its first moment.
      const before = process.umask(0o177);
      try {
        await listening(server, { path: options.unix });
      } finally {
        process.umask(before);
      }
      chmodSync(options.unix, 0o600);
    }
    const running = { pid: process.pid, url: gateway.url, unix: gateway.unix };
    writeFileAtomic.sync(own.running, `${JSON.stringify(running)}\n`, { mode: 0o600 });
  } catch (error) {
    await closeAll(servers, upstream, null);
    throw error;
  }
  return gateway;
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

interface ServerParts {
  handle: Handle;
  insiders: Insiders;
  /** Gets the server. */
  servers: Server[];
  options: GatewayOptions;
}

function tcpServer({ handle, insiders, servers, options: { tls } }: ServerParts): Server {
  const server = newServer(handle, tls);
  // Of TLS, requests know the socket that is encrypted.
  server.on(tls ? 'secureConnection' : 'connection', socket => insiders.accept(socket, { unix: false }));
  servers.push(server);
  return server;
}

function unixServer({ handle, insiders, servers }: ServerParts): Server {
  const server = newServer(handle, null);
  server.on('connection', socket => insiders.accept(socket, { unix: true }));
  servers.push(server);
  return server;
}

/**
 * Serves on a socket that is listening already. Gives its address; null: it is a Unix socket, whose mode is the service
 * manager's to set. Throws `usage` for one that other machines reach, as for --listen.
 */
async function adopt(fd: number, parts: ServerParts): Promise<Address | null> {
  const server = newServer(parts.handle, null);
  const listens = listening(server, { fd });
  const at = server.address();
  if (at === null || typeof at === 'string') {
    server.on('connection', socket => parts.insiders.accept(socket, { unix: true }));
    parts.servers.push(server);
    await listens;
    return null;
  }
  // One of TCP is handed on: it may have TLS.
  await listens;
  try {
    refuseOpen(at.address, parts.options);
  } catch (error) {
    // Nobody is answered there, and the process ends.
    server.close();
    throw error;
  }
  await listening(tcpServer(parts), server);
  return { host: at.address, port: at.port };
}

function newServer(handle: Handle, tls: GatewayOptions['tls']): Server {
  const limits = {
    headersTimeout: LIMITS.headers_ms,
    requestTimeout: LIMITS.request_ms,
    keepAliveTimeout: LIMITS.keep_alive_ms,
    connectionsCheckingInterval: 1000,
    maxHeaderSize: LIMITS.header_bytes,
    insecureHTTPParser: false,
    requireHostHeader: true,
  };
  const server = tls
    ? createHttps(
        { ...limits, cert: readNamed(tls.cert), key: readNamed(tls.key), minVersion: 'TLSv1.2' },
        handle,
      )
    : createHttp(limits, handle);
  server.maxHeadersCount = LIMITS.headers;
  server.maxConnections = LIMITS.connections;
  server.maxRequestsPerSocket = LIMITS.requests_per_connection;
  // What is no HTTP, or does not come, gets one line and no more.
  server.on('clientError', (error, socket) => {
    const line = CLIENT_ERRORS[errnoOf(error) ?? ''] ?? '400 Bad Request';
    if (socket.writable) socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    else socket.destroy();
  });
  server.on('upgrade', (_request, socket) => {
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  return server as Server;
}

const CLIENT_ERRORS: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
};

function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const { problem, headers } = problemOf(error);
  const body = request.method === 'HEAD' ? '' : JSON.stringify(problem);
  // What is left of its body is not read.
  response.writeHead(problem.status, {
    ...headers,
    'Content-Type': 'application/problem+json',
    Connection: 'close',
  });
  response.end(body);
}

const whoText = (admitted: Admitted | undefined) =>
  admitted?.principal ? `by ${admitted.principal.by} ${admitted.principal.name}` : 'without a login';

interface Address {
  host: string;
  port: number;
}

/** `127.0.0.1:15001`, `[::1]:15001`, `localhost:0`. */
export function parseListen(text: string): Address {
  const found = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text);
  const port = Number(found?.[3]);
  if (!found || port > 65_535)
    throw new RasenError('usage', `Not an address to listen on: "${text}".`, {
      hint: 'ADDRESS:PORT, for example 127.0.0.1:15001 or [::1]:15001.',
    });
  return { host: (found[1] ?? found[2])!, port };
}

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/i;

/** What passwords, tokens and code pass through in the clear is not for a network. */
function refuseOpen(host: string, { tls, behind_proxy }: GatewayOptions): void {
  if (LOOPBACK.test(host) || tls || behind_proxy) return;
  throw new RasenError(
    'usage',
    `${host} can be reached from other machines, and nothing would be encrypted.`,
    {
      hint: 'Give --tls-cert FILE and --tls-key FILE; or --behind-proxy where a proxy of yours ends TLS; or listen on 127.0.0.1 and come in through ssh -L or `tailscale serve`.',
    },
  );
}

const OWN_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

const hostText = (host: string) => (isIP(host) === 6 ? `[${host}]` : host);

/** Nobody asks under the address that stands for all. */
const namesOf = (host: string) => (/^(?:0\.0\.0\.0|::)$/.test(host) ? [] : [hostText(host)]);

const urlOf = (host: string, port: number, { tls }: GatewayOptions) =>
  `${tls ? 'https' : 'http'}://${hostText(host)}:${port}`;

function readNamed(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new RasenError('usage', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

type Where = { host: string; port: number } | { path: string } | { fd: number } | NetServer;

function listening(server: Server, where: Where): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error => {
      const handed = 'a socket of the service manager';
      const at = 'path' in where ? where.path : 'port' in where ? `${where.host}:${where.port}` : handed;
      const taken = errnoOf(error) === 'EADDRINUSE';
      reject(
        new RasenError(
          taken ? 'socket_in_use' : 'socket_path',
          `Cannot listen on ${at}: ${messageOf(error)}`,
          {
            hint: taken
              ? 'Does a gateway run already? Choose another with --listen.'
              : 'Choose another with --listen or --unix.',
            cause: error,
          },
        ),
      );
    });
    server.listen(where, () => resolve());
  });
}

/** A socket that a killed gateway has left; one that is answered stays, and so does what is no socket. */
async function removeStale(path: string): Promise<void> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return;
  if (!stat.isSocket()) throw new RasenError('socket_path', `${path} is there, and is no socket.`);
  const answers = await new Promise<boolean>(resolve => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
  if (answers) throw new RasenError('socket_in_use', `Another gateway answers on ${path}.`);
  rmSync(path);
}

async function closeAll(servers: readonly Server[], upstream: Upstream, unix: string | null): Promise<void> {
  upstream.close();
  await Promise.all(
    servers.map(
      server =>
        new Promise<void>(resolve => {
          const timer = setTimeout(() => server.closeAllConnections(), LIMITS.close_ms);
          server.close(() => {
            clearTimeout(timer);
            resolve();
          });
          server.closeIdleConnections();
        }),
    ),
  );
  if (unix !== null) rmSync(unix, { force: true });
}
