import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { holdersOf, isOwnAddress, tcpRow } from '../../../src/host/tcp-peer.ts';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const row = (local: string, remote: string, uid: number, inode: number) =>
  `   0: ${local} ${remote} 01 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 1 0 20 4 30 10 -1\n`;
const end = (address: string, port: number) => ({ address, port });

test('a row is found by both addresses and both ports', () => {
  const tables = [
    HEAD +
      row('0200007F:1234', '0100007F:3A99', 7, 70) +
      row('0100007F:1234', '0200007F:3A99', 8, 80) +
      row('0100007F:1234', '0100007F:3A99', 1000, 90),
    HEAD +
      row('00000000000000000000000001000000:1234', '00000000000000000000000001000000:3A99', 5, 50) +
      row('0000000000000000FFFF00000300007F:1234', '0000000000000000FFFF00000100007F:3A99', 6, 60),
  ];
  const find = (own: string, other: string) => tcpRow(end(own, 0x1234), end(other, 15001), tables);
  expect(find('127.0.0.1', '127.0.0.1')).toEqual({ uid: 1000, inode: '90' });
  expect(find('127.0.0.2', '127.0.0.1')).toEqual({ uid: 7, inode: '70' });
  expect(find('::1', '::1')).toEqual({ uid: 5, inode: '50' });
  // A listener of both families shows IPv4 as IPv6, and a client may as well.
  expect(find('::ffff:127.0.0.1', '::ffff:127.0.0.1')).toEqual({ uid: 1000, inode: '90' });
  expect(find('127.0.0.3', '127.0.0.1')).toEqual({ uid: 6, inode: '60' });
  expect(find('10.0.0.1', '127.0.0.1')).toBeNull();
});

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::', '127.0.0.1'],
])('who connects to %s is this process', async (host, to) => {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, host, resolve));
  const accepted = new Promise<Socket>(resolve => server.once('connection', resolve));
  const client = connect((server.address() as AddressInfo).port, to);
  const { remoteAddress, remotePort, localAddress, localPort } = await accepted;
  const found = tcpRow(end(remoteAddress!, remotePort!), end(localAddress!, localPort!));
  expect(found).toMatchObject({ uid: process.getuid!() });
  expect(holdersOf(new Set([found!.inode])).found.get(found!.inode)).toBe(process.pid);
  expect(isOwnAddress(remoteAddress!)).toBe(true);
  client.destroy();
  await new Promise(resolve => server.close(resolve));
});

test('an address of another machine is not ours', () => {
  expect(isOwnAddress('203.0.113.9')).toBe(false);
  expect(isOwnAddress('::ffff:127.0.0.1')).toBe(true);
});
