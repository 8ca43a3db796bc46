/** The gateway as units, step by step; systemctl is played, and who answers on its port is this test. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ServiceRequest } from '../../../src/service/service.ts';
import { systemdGateway } from '../../../src/service/systemd/gateway.ts';
import { FakeSystemd } from '../../support/fake-systemd.ts';

let fake: FakeSystemd;
let request: ServiceRequest;
let server: Server;
let address: string;
let said: string[];
const report = (step: string) => void said.push(step);
const gateway = () => systemdGateway(fake.host());

beforeEach(async () => {
  fake = new FakeSystemd();
  fake.lingers();
  request = fake.request();
  said = [];
  server = createServer((_, response) => response.end('ok\n'));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise(resolve => server.close(resolve));
  fake.close();
});

test('writes the units, starts the socket, and sees that it answers; removal leaves nothing', async () => {
  expect(gateway().address(request)).toBeNull();
  await gateway().install(request, address, report);
  expect(fake.changes()).toEqual([
    'systemctl --user daemon-reload',
    'systemctl --user enable rasen-gateway.socket',
    'systemctl --user stop rasen-gateway.socket rasen-gateway.service',
    'systemctl --user start rasen-gateway.socket',
    'systemctl --user restart rasen-gateway.service',
  ]);
  expect(said.at(-1)).toBe(`the gateway answers at http://${address}`);
  expect(gateway().address(request)).toBe(address);
  for (const { path, text } of gateway().files(request, address))
    expect(readFileSync(path, 'utf8')).toBe(text);
  expect(await gateway().status(request)).toMatchObject({ url: `http://${address}`, outdated: [] });
  fake.changes();
  await gateway().install(request, address, report);
  expect(fake.changes()).not.toContain('systemctl --user stop rasen-gateway.socket rasen-gateway.service');
  await gateway().uninstall(request, report);
  expect(gateway().address(request)).toBeNull();
  expect(await gateway().status(request)).toBeNull();
  expect(readdirSync(join(fake.home, '.config/systemd/user'))).toEqual([]);
});

test.each([
  [
    'systemctl --user start rasen-gateway.socket',
    ['Address already in use'],
    /Another program listens on 127/,
    /--gateway 127/,
  ],
  [
    'systemctl --user restart rasen-gateway',
    [],
    /rasen-gateway\.service does not start/,
    /journalctl --user -u rasen-gateway/,
  ],
])('where %s fails, it says why, and takes everything back', async (call, words, message, hint) => {
  fake.refuse(call, 'Job failed');
  fake.journal(...(words as string[]));
  const error = await gateway()
    .install(request, address, report)
    .catch(e => e);
  expect(error).toMatchObject({ kind: 'service', message: expect.stringMatching(message) });
  expect(error.hint).toMatch(hint);
  expect(error.hint).toContain('The gateway was not installed; rasend runs.');
  expect(existsSync(join(fake.home, '.config/systemd/user'))).toBe(false);
  expect(gateway().address(request)).toBeNull();
});

test('where another address does not work, the one that it had is served again', async () => {
  await gateway().install(request, address, report);
  fake.shows('ActiveState=active');
  fake.refuse('systemctl --user restart rasen-gateway', 'Job failed');
  fake.changes();
  await expect(gateway().install(request, '127.0.0.1:9', report)).rejects.toThrow(/does not start/);
  expect(fake.changes().slice(-2)).toEqual([
    'systemctl --user daemon-reload',
    'systemctl --user start rasen-gateway.socket',
  ]);
  expect(gateway().address(request)).toBe(address);
});

test('verbs do nothing where it is not installed', async () => {
  await gateway().start(request);
  await gateway().stop(request);
  await gateway().restart(request);
  await gateway().uninstall(request, report);
  expect([fake.changes(), said]).toEqual([[], []]);
});
