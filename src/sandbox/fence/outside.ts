/**
 * The proxy for a sandbox: hosts are allowed by name, and a name that leads back to this machine, or to what a cloud tells
 * its machines, is not. It asks the proxy of the user where there is one.
 */
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, connect, isIPv6, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { messageOf } from '../../contract/errors.ts';
import { allowedBy, type Host, hostOf, isLoopback } from '../hosts.ts';
import type { FenceOrder } from './order.ts';

export interface Outside extends FenceOrder {
  /** Where the user's own proxy is named. */
  env: NodeJS.ProcessEnv;
  /** Told of each host once. */
  refused(host: string): void;
}

const MAX_TOLD = 100;

/** Of this machine and its link alone; a name that is allowed may not lead there. */
const OWN = new BlockList();
OWN.addSubnet('127.0.0.0', 8, 'ipv4');
OWN.addSubnet('0.0.0.0', 8, 'ipv4');
OWN.addSubnet('169.254.0.0', 16, 'ipv4');
OWN.addAddress('::1', 'ipv6');
OWN.addAddress('::', 'ipv6');
OWN.addSubnet('fe80::', 10, 'ipv6');

export async function listen({ allow, socket, env, refused }: Outside): Promise<void> {
  const told = new Set<string>();
  const check = (host: Host | null): host is Host => {
    if (host !== null && allowedBy(allow, host) !== null) return true;
    const name = host === null ? 'an address that is none' : `${host.name}:${host.port}`;
    if (!told.has(name) && told.size < MAX_TOLD) {
      told.add(name);
      refused(name.replace(/[^\x21-\x7e]/g, '?').slice(0, 300));
    }
    return false;
  };

  const server = createServer((request, response) => {
    const url = URL.parse(request.url ?? '');
    const host = url && url.protocol === 'http:' ? hostOf(url.host, 80) : null;
    if (!check(host)) return void response.writeHead(403).end('Not among the hosts of this sandbox.\n');
    forward(request, response, url!, host, env).catch(error =>
      response.headersSent ? response.destroy() : response.writeHead(502).end(`${messageOf(error)}\n`),
    );
  });
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on('error', () => client.destroy());
    const host = hostOf(request.url ?? '');
    if (!check(host)) return void client.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    tunnel(host, env).then(
      far => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        far.write(head);
        far.on('error', () => client.destroy());
        client.on('close', () => far.destroy());
        client.pipe(far).pipe(client);
      },
      error => client.end(`HTTP/1.1 502 Bad Gateway\r\n\r\n${messageOf(error)}\n`),
    );
  });
  server.listen(socket);
  await once(server, 'listening');
}

/** A connection to the host itself, or to it by way of the user's proxy. */
async function tunnel(host: Host, env: NodeJS.ProcessEnv): Promise<Socket> {
  const proxy = proxyFor(host, 'https', env);
  const to = `${isIPv6(host.name) ? `[${host.name}]` : host.name}:${host.port}`;
  if (proxy === null) {
    const far = connect({ host: await addressOf(host), port: host.port });
    await once(far, 'connect');
    return far;
  }
  const asked = requestOf(proxy)({ ...placeOf(proxy), method: 'CONNECT', path: to }).end();
  const [answer, far] = (await once(asked, 'connect')) as [IncomingMessage, Socket];
  if (answer.statusCode === 200) return far;
  far.destroy();
  throw new Error(`the proxy ${proxy.host} answered ${answer.statusCode} for ${to}`);
}

async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  host: Host,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const proxy = proxyFor(host, 'http', env);
  const { 'proxy-connection': _, 'proxy-authorization': __, ...headers } = request.headers;
  const place =
    proxy === null
      ? { host: await addressOf(host), port: host.port, path: `${url.pathname}${url.search}`, headers }
      : { ...placeOf(proxy), path: url.href, headers: { ...headers, ...placeOf(proxy).headers } };
  const asked = (proxy === null ? httpRequest : requestOf(proxy))({ ...place, method: request.method });
  request.pipe(asked);
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  response.writeHead(answer.statusCode!, answer.headers);
  answer.on('error', () => response.destroy());
  answer.pipe(response);
}

/** Looked up here and once: what was seen is what is connected to. Throws where the name leads to what is not meant. */
async function addressOf(host: Host): Promise<string> {
  if (isLoopback(host)) return host.name;
  const found = await lookup(host.name, { all: true });
  const good = found.find(({ address, family }) => !OWN.check(address, family === 6 ? 'ipv6' : 'ipv4'));
  if (good) return good.address;
  throw new Error(`${host.name} leads to this machine itself`);
}

/** null: it is reached without one. */
function proxyFor(host: Host, scheme: 'http' | 'https', env: NodeJS.ProcessEnv): URL | null {
  const read = (name: string) => env[name.toLowerCase()] || env[name];
  const without = (read('NO_PROXY') ?? '').split(/[\s,]+/).filter(Boolean);
  const is_without = (entry: string) =>
    entry === '*' ||
    allowedBy([entry.replace(/^\./, '*.')], host) !== null ||
    host.name.endsWith(`.${entry}`);
  if (isLoopback(host) || without.some(is_without)) return null;
  const text = read(`${scheme.toUpperCase()}_PROXY`) ?? read('ALL_PROXY');
  if (!text) return null;
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new Error('the proxy of this machine is none that a sandbox can go through (http and https are)');
}

const requestOf = (proxy: URL) => (proxy.protocol === 'https:' ? httpsRequest : httpRequest);

function placeOf(proxy: URL) {
  const { hostname, port, protocol, username, password } = proxy;
  const words = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || (protocol === 'https:' ? 443 : 80)),
    headers: username ? { 'proxy-authorization': `Basic ${Buffer.from(words).toString('base64')}` } : {},
  };
}
