/** Within a sandbox that has only its loopback device: a port for a proxy there, and the ports of this machine that are allowed. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { ownPorts } from '../hosts.ts';
import type { FenceOrder } from './order.ts';

/** Gives the port of the proxy. */
export async function bridge({ allow, socket }: FenceOrder): Promise<number> {
  for (const { name, port } of ownPorts(allow)) {
    const words = `CONNECT ${name === '::1' ? '[::1]' : name}:${port} HTTP/1.1\r\n\r\n`;
    await listening(
      createServer(client => tunnel(client, socket, words)),
      port,
    );
  }
  const proxy = createServer(client => pipe(client, connect(socket)));
  await listening(proxy, 0);
  return (proxy.address() as AddressInfo).port;
}

async function listening(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

function pipe(client: Socket, server: Socket): void {
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    from.on('error', () => to.destroy());
    from.pipe(to);
  }
}

/** For programs that know of no proxy: the answer to what is asked in their name is none of theirs. */
function tunnel(client: Socket, socket: string, words: string): void {
  const server = connect(socket);
  client.on('error', () => server.destroy());
  server.on('error', () => client.destroy());
  let head = Buffer.alloc(0);
  const hear = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    server.off('data', hear);
    if (!head.subarray(0, end).toString('latin1').startsWith('HTTP/1.1 200')) {
      client.destroy();
      server.destroy();
      return;
    }
    client.write(head.subarray(end + 4));
    pipe(client, server);
  };
  server.on('data', hear);
  server.write(words);
}
