/** Whether clients reach the socket that systemd holds, as /proc/net/unix tells it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isDisplaced } from '../../../src/service/systemd/socket-place.ts';
import { listenersIn } from '../../../src/util/listening.ts';

let folder: string;
let servers: Server[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rs-'));
  servers = [];
});
afterEach(async () => {
  for (const server of servers) await new Promise(resolve => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

async function listen(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(path, resolve));
  servers.push(server);
}

test('only sockets that listen count, by their whole path', () => {
  const text = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 11 /run/user/1/rasen/rasend.sock
0000000000000000: 00000003 00000000 00000000 0001 03 12 /run/user/1/rasen/rasend.sock
0000000000000000: 00000002 00000000 00010000 0001 01 13 /run/user/1/rasen/rasend.sock.old
0000000000000000: 00000002 00000000 00010000 0001 01 14 /run/a b/rasend.sock
0000000000000000: 00000002 00000000 00010000 0001 01 15\n`;
  expect(listenersIn(text, '/run/user/1/rasen/rasend.sock')).toBe(1);
  expect(listenersIn(text, '/run/a b/rasend.sock')).toBe(1);
});

test.runIf(process.platform === 'linux')(
  'a socket whose file is gone, or another’s, is displaced',
  async () => {
    const path = join(folder, 'rasend.sock');
    expect(isDisplaced(path), 'there is none').toBe(false);
    await listen(path);
    expect(isDisplaced(path)).toBe(false);
    rmSync(path);
    expect(isDisplaced(path)).toBe(true);
    await listen(path);
    expect(isDisplaced(path), 'two have been bound at the path').toBe(true);
  },
);
