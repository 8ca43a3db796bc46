/** What installing, changing and removing the service does, step by step, in every situation that users meet. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RasenError } from '../../../src/contract/errors.ts';
import { type Handler, type RpcServer, startServer } from '../../../src/rpc/server.ts';
import type { Run, RunOptions } from '../../../src/service/run.ts';
import type { ServiceManager, ServiceRequest } from '../../../src/service/service.ts';
import { Ctl } from '../../../src/service/systemd/ctl.ts';
import { systemd } from '../../../src/service/systemd/systemd.ts';
import { VERSION } from '../../../src/version.ts';
import { FakeSystemd } from '../../support/fake-systemd.ts';
import { until } from '../../support/instance.ts';

let fake: FakeSystemd;
let request: ServiceRequest;
let service: ServiceManager;
let said: string[];
let rasend: RpcServer | undefined;
/** Of the rasend that the service starts. */
let version: string;
/** It knows how to suspend its tasks. */
let suspends: boolean;
/** Notes among the reports when it was asked to. */
const suspended = () => {
  said.push('(suspended)');
  return { stopped: 2 };
};
const report = (step: string) => void said.push(step);
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

beforeEach(() => {
  fake = new FakeSystemd();
  request = fake.request();
  version = VERSION;
  suspends = true;
  service = systemd(fake.host('user', answering), 257);
  said = [];
});

afterEach(async () => {
  await rasend?.close(0);
  rasend = undefined;
  fake.close();
});

/** Somebody who answers on the socket, as the service would. */
async function answering(pid: number | undefined = process.pid): Promise<void> {
  await rasend?.close(0);
  const mine = version;
  rasend = await startServer({
    paths: request.paths,
    methods: new Map<string, Handler>([
      ['daemon.status', async () => ({ pid, version: mine, live_jobs: 2 })],
      ...(suspends ? [['daemon.suspend', async () => suspended()] as const] : []),
    ]),
    server: { name: 'fake', version: '0' },
    log: quiet as never,
  });
}

const tree = (folder: string) => (existsSync(folder) ? readdirSync(folder, { recursive: true }).sort() : []);

/** Everything that an installation could leave. */
const left = () => [...tree(fake.home), ...tree(fake.folders.etc)];

test('writes the files, then asks for each step in its order', async () => {
  await service.install(request, report);
  expect(fake.changes()).toEqual([
    `loginctl enable-linger ${request.user.name}`,
    'systemctl --user daemon-reload',
    'systemctl --user enable rasend.service rasend.socket',
    'systemctl --user start rasend.socket',
    'systemctl --user start rasend.service',
  ]);
  const units = join(fake.home, '.config/systemd/user');
  expect(readdirSync(units).sort()).toEqual(['rasen.slice', 'rasend.service', 'rasend.socket']);
  for (const file of service.files(request)) {
    expect(readFileSync(file.path, 'utf8')).toBe(file.text);
    expect(statSync(file.path).mode & 0o777).toBe(file.mode);
  }
  expect(await service.status(request)).toMatchObject({
    installed: true,
    at_boot: true,
    running: true,
    pid: process.pid,
    state: 'active (running)',
    outdated: [],
  });
});

test('is repeatable: what is right stays as it is', async () => {
  await service.install(request, report);
  fake.changes();
  const before = statSync(service.files(request)[0]!.path).mtimeMs;
  await service.install(request, report);
  expect(fake.changes()).toEqual([
    'systemctl --user daemon-reload',
    'systemctl --user enable rasend.service rasend.socket',
    'systemctl --user start rasend.socket',
  ]);
  expect(statSync(service.files(request)[0]!.path).mtimeMs).toBe(before);
  expect(said.at(-1)).toMatch(/up to date/);
});

test('restarts the service, never its socket, when a file or the running version differs', async () => {
  await service.install(request, report);
  fake.changes();
  await service.install({ ...request, launcher: '/opt/new/bin/rasend' }, report);
  expect(fake.changes().at(-1)).toBe('systemctl --user restart rasend.service');
  expect((await service.status(request)).outdated).toEqual([
    join(fake.home, '.config/systemd/user/rasend.service'),
  ]);
  version = '0.0.1';
  await answering();
  version = VERSION;
  await service.install({ ...request, launcher: '/opt/new/bin/rasend' }, report);
  expect(fake.changes().filter(call => /stop|restart/.test(call))).toEqual([
    'systemctl --user restart rasend.service',
  ]);
  expect(said.at(-1)).toMatch(/replacing rasend 0\.0\.1; tasks go on/);
});

test('where lingering is refused: tells what to do, and nothing is left', async () => {
  fake.refuse('loginctl enable-linger', 'Could not enable linger: Access denied');
  const error = await service.install(request, report).catch(e => e);
  expect(error).toMatchObject({ kind: 'service', exit: 4 });
  expect(error.message).toContain('Could not enable linger: Access denied');
  expect(error.hint).toContain(`sudo loginctl enable-linger ${request.user.name}`);
  expect(error.hint).toContain(`rasen service install --system ${request.user.name}`);
  expect(error.hint).toContain('Nothing was installed.');
  expect(left()).toEqual([]);
});

test.each([
  ['daemon-reload', 'systemctl --user daemon-reload'],
  ['enabling', 'systemctl --user enable'],
  ['the socket', 'systemctl --user start rasend.socket'],
  ['the service', 'systemctl --user start rasend.service'],
])('a failure of %s takes back all before it', async (_name, words) => {
  fake.refuse(words, 'No such luck.');
  const error = await service.install(request, report).catch(e => e);
  expect(error.kind).toBe('service');
  expect(left()).toEqual([]);
  expect(['linger', 'enabled', 'active'].filter(state => fake.is(state as never))).toEqual([]);
  if (words.endsWith('.service')) expect(error.message).toContain('the words of rasend');
  else expect(error.message).toContain('No such luck');
});

test('a service that comes up but does not answer is stopped again', async () => {
  const silent = systemd(
    fake.host('user', async () => {
      throw new RasenError('unreachable', 'Nobody answers.');
    }),
    257,
  );
  await expect(silent.install(request, report)).rejects.toThrow('Nobody answers.');
  expect(fake.is('active')).toBe(false);
  expect(left()).toEqual([]);
});

test('a failed upgrade brings the former files back and restarts with them', async () => {
  await service.install(request, report);
  const path = service.files(request)[0]!.path;
  const before = readFileSync(path, 'utf8');
  fake.changes();
  fake.refuse('systemctl --user restart', 'It does not start');
  await expect(service.install({ ...request, launcher: '/opt/new/bin/rasend' }, report)).rejects.toThrow(
    /does not start/,
  );
  expect(readFileSync(path, 'utf8')).toBe(before);
  expect(fake.changes().slice(-3)).toEqual([
    'systemctl --user daemon-reload',
    'systemctl --user start rasend.socket',
    'systemctl --user restart rasend.service',
  ]);
  expect([fake.is('linger'), fake.is('enabled')]).toEqual([true, true]);
});

test('never overwrites what it has not made', async () => {
  const path = service.files(request)[0]!.path;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '[Service]\nExecStart=/mine\n');
  await expect(service.install(request, report)).rejects.toThrow(/was not written by rasen/);
  expect(readFileSync(path, 'utf8')).toBe('[Service]\nExecStart=/mine\n');
  expect(fake.changes()).toEqual([]);
});

test('a masked unit is named as such', async () => {
  const path = service.files(request)[0]!.path;
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync('/dev/null', path);
  await expect(service.install(request, report)).rejects.toThrow(/masked/);
  expect(fake.changes()).toEqual([]);
});

test('uninstalling leaves what was there before, and takes lingering back', async () => {
  await service.install(request, report);
  fake.changes();
  await service.uninstall(request, report);
  expect(fake.changes()).toEqual([
    'systemctl --user stop rasend.socket rasend.service',
    'systemctl --user disable rasend.service rasend.socket',
    'systemctl --user daemon-reload',
    'systemctl --user reset-failed rasend.service rasend.socket',
    `loginctl disable-linger ${request.user.name}`,
  ]);
  expect(left()).toEqual([]);
});

test('uninstalling keeps lingering that was there before, and variables of the user', async () => {
  mkdirSync(join(fake.folders.run_user, String(request.user.uid), 'systemd'), { recursive: true });
  await fake.host().run(['loginctl', 'enable-linger', request.user.name], { env: fake.host().env });
  await service.install(request, report);
  const variables = join(fake.home, '.config/rasen/service.env');
  writeFileSync(variables, `${readFileSync(variables, 'utf8')}MINE=1\n`);
  await service.install(request, report);
  expect(readFileSync(variables, 'utf8')).toContain('MINE=1');
  await service.uninstall(request, report);
  expect(fake.is('linger')).toBe(true);
  expect(left()).toEqual(['.config', '.config/rasen', '.config/rasen/service.env']);
});

test('stopping asks rasend to end what runs and ends it; what is left in the slice is of other instances', async () => {
  await service.install(request, report);
  said = [];
  fake.fillSlice();
  fake.changes();
  await service.stop(request, report);
  expect(fake.changes()).toEqual(['systemctl --user stop rasend.socket rasend.service']);
  expect(said.slice(0, 3)).toEqual([
    'ending what runs (2); it goes on at the next start',
    '(suspended)',
    'rasend has ended',
  ]);
});

test.each(['activating', 'deactivating'])('a rasend that is %s is asked as well', async active => {
  await service.install(request, report);
  fake.activity(active);
  await service.stop(request, report);
  expect(said).toContain('(suspended)');
});

test('a rasend that cannot suspend its tasks is stopped all the same, and they by the manager', async () => {
  suspends = false;
  await service.install(request, report);
  fake.fillSlice();
  fake.changes();
  await service.stop(request, report);
  expect(fake.changes()).toEqual([
    'systemctl --user stop rasend.socket rasend.service',
    'systemctl --user stop rasen.slice',
  ]);
});

test('stops what a supervisor that is gone left running', async () => {
  await service.install(request, report);
  await fake.host().run(['systemctl', '--user', 'stop', 'rasend.service'], { env: fake.host().env });
  await rasend?.close(0);
  fake.fillSlice();
  fake.changes();
  await service.stop(request, report);
  expect(fake.changes().at(-1)).toBe('systemctl --user stop rasen.slice');
  expect(said).not.toContain('(suspended)');
});

test('stopping ends a detached supervisor that has the state, after its tasks; nothing else is emptied', async () => {
  await service.install(request, report);
  await fake.host().run(['systemctl', '--user', 'stop', 'rasend.service'], { env: fake.host().env });
  const detached = spawn('sleep', ['600'], { stdio: 'ignore' });
  const ended = once(detached, 'exit');
  await answering(detached.pid);
  fake.fillSlice();
  fake.changes();
  await service.stop(request, report);
  expect((await ended)[1]).toBe('SIGUSR2');
  expect(said).toContain('(suspended)');
  expect(fake.changes()).toEqual(['systemctl --user stop rasend.socket rasend.service']);
});

test('a service that is tried again and again does not run: what rasend said last is the reason', async () => {
  await service.install(request, report);
  fake.shows(
    'ActiveState=activating',
    'SubState=auto-restart',
    'MainPID=0',
    'Result=exit-code',
    'ExecMainStatus=75',
  );
  expect(await service.status(request)).toMatchObject({
    running: false,
    state: 'activating (auto-restart)',
    problem: 'rasend does not start: the words of rasend; systemctl --user tries again and again',
    cannot_start: false,
  });
  fake.shows(
    ...[
      'ActiveState=activating',
      'SubState=auto-restart',
      'MainPID=0',
      'Result=exit-code',
      'ExecMainStatus=2',
    ],
    'StatusText=cannot start: rasend.yml, line 3: unknown key "lgo".',
  );
  expect(await service.status(request)).toMatchObject({
    problem:
      'rasend does not start: rasend.yml, line 3: unknown key "lgo"; systemctl --user tries again and again',
    cannot_start: true,
    said: null,
  });
});

test('a program that cannot be executed never comes; one that was killed does', async () => {
  await service.install(request, report);
  const restarted = ['ActiveState=activating', 'SubState=auto-restart', 'MainPID=0'];
  fake.shows(...restarted, 'Result=exit-code', 'ExecMainStatus=203');
  fake.journal(
    'rasend.service: Failed to locate executable /opt/gone/rasend: No such file or directory',
    'rasend.service: Main process exited, code=exited, status=203/EXEC',
    "rasend.service: Failed with result 'exit-code'.",
    'Failed to start rasend.service - Rasen task supervisor.',
    'rasend.service: Scheduled restart job, restart counter is at 7.',
  );
  expect(await service.status(request)).toMatchObject({
    cannot_start: true,
    problem: expect.stringContaining('Failed to locate executable /opt/gone/rasend: No such file'),
  });
  fake.shows(...restarted, 'Result=signal', 'ExecMainStatus=9', 'StatusText=1 running, 0 waiting, 0 blocked');
  expect(await service.status(request)).toMatchObject({ cannot_start: false, said: null });
  fake.shows('ActiveState=activating', 'SubState=start', 'MainPID=7');
  expect(await service.status(request)).toMatchObject({ problem: null, cannot_start: false });
  fake.shows(
    'ActiveState=active',
    'SubState=running',
    'MainPID=7',
    'StatusText=1 running, 0 waiting, 0 blocked',
  );
  expect(await service.status(request)).toMatchObject({
    running: true,
    problem: null,
    said: '1 running, 0 waiting, 0 blocked',
  });
});

test('a manager that does not answer is not taken for one that knows of no service', async () => {
  await service.install(request, report);
  await rasend?.close(0);
  fake.refuse('systemctl --user show', 'Failed to get properties: Connection timed out');
  const before = left();
  for (const verb of ['install', 'uninstall', 'stop', 'start'] as const)
    await expect(service[verb](request, report)).rejects.toMatchObject({
      kind: 'service',
      message: expect.stringContaining('Connection timed out'),
    });
  expect(left()).toEqual(before);
  expect([fake.is('linger'), fake.is('enabled'), fake.is('active')]).toEqual([true, true, true]);
});

test('uninstalling leaves what somebody else has put in the place of its files, a mask too', async () => {
  await service.install(request, report);
  const units = join(fake.home, '.config/systemd/user');
  writeFileSync(join(units, 'rasend.service'), '[Service]\nExecStart=/mine\n');
  const slice = join(units, 'rasen.slice');
  rmSync(slice);
  symlinkSync('/dev/null', slice);
  await service.uninstall(request, report);
  expect(readdirSync(units).sort()).toEqual(['rasen.slice', 'rasend.service']);
  for (const name of ['rasen.slice', 'rasend.service'])
    expect(said).toContain(`left: ${join(units, name)} was not written by rasen`);
});

test('units that are links, as home-manager and stow make them, are used and never written', async () => {
  await service.install(request, report);
  const units = join(fake.home, '.config/systemd/user');
  const store = join(fake.folder, 'store');
  renameSync(units, store);
  mkdirSync(units);
  for (const name of readdirSync(store)) symlinkSync(join(store, name), join(units, name));
  expect(await service.status(request)).toMatchObject({ installed: true, running: true, outdated: [] });
  expect(service.program(request)).toBe(request.launcher);
  await service.install(request, report);
  await service.stop(request, report);
  await rasend?.close(0);
  await service.start(request, report);
  await expect(service.install({ ...request, launcher: '/opt/new/bin/rasend' }, report)).rejects.toThrow(
    /is a symbolic link/,
  );
  await service.uninstall(request, report);
  expect(readdirSync(units).sort()).toEqual(['rasen.slice', 'rasend.service', 'rasend.socket']);
});

test('a masked service says how it is allowed again', async () => {
  await service.install(request, report);
  await service.stop(request, report);
  const path = join(fake.home, '.config/systemd/user/rasend.service');
  rmSync(path);
  symlinkSync('/dev/null', path);
  await expect(service.start(request, report)).rejects.toMatchObject({
    message: 'rasend.service is masked.',
    hint: 'Allow it again: systemctl --user unmask rasend.service',
  });
  expect((await service.status(request)).state).toBe('inactive (dead, masked)');
});

test('a start that fails brings the detached supervisor back that it has ended', async () => {
  const launcher = join(fake.folder, 'rasend');
  writeFileSync(launcher, `#!/bin/sh\n: >'${fake.folder}/back'\n`, { mode: 0o755 });
  await service.install({ ...request, launcher }, report);
  await service.stop(request, report);
  const detached = spawn('sleep', ['600'], { stdio: 'ignore' });
  const gone = once(detached, 'exit');
  await answering(detached.pid);
  fake.refuse('systemctl --user start rasend.service', 'No such luck.');
  fake.changes();
  await expect(service.start({ ...request, launcher }, report)).rejects.toThrow(/does not start/);
  await gone;
  await until('it is started again', () => existsSync(join(fake.folder, 'back')));
  expect(fake.changes().slice(-2)).toEqual([
    'systemctl --user stop rasend.socket rasend.service',
    'systemctl --user reset-failed rasend.socket rasend.service',
  ]);
});

test("nothing of root's environment goes to another user", async () => {
  const asked: RunOptions[] = [];
  const run: Run = async (_argv, options = {}) => {
    asked.push(options);
    return { code: 0, stdout: '', stderr: '' };
  };
  const env = { PATH: '/bin', TOKEN: 'of root', LD_PRELOAD: '/x' };
  const user = { ...request.user, name: 'alice', uid: 4_190_000_001, gid: 4_190_000_001 };
  const ctl = new Ctl({ ...fake.host(), run, env, uid: 0 }, { ...request, user });
  await ctl.ask(['is-active', 'rasen.slice'], 'user');
  await ctl.runAsUser(['find', '/x']);
  for (const { env: given, as } of asked) {
    expect(as).toEqual({ uid: user.uid, gid: user.gid });
    expect(given).toMatchObject({ PATH: '/bin', HOME: user.home, USER: 'alice', LOGNAME: 'alice' });
    expect(Object.keys(given!).filter(name => name in env)).toEqual(['PATH']);
  }
  expect(asked.length).toBe(2);
});

test('ends a detached supervisor before the service starts', async () => {
  const detached = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const gone = new Promise<string | null>(resolve =>
    detached.once('exit', (_code, signal) => resolve(signal)),
  );
  await answering(detached.pid);
  await service.install(request, report);
  expect(await gone).toBe('SIGUSR2');
  expect(said.join('\n')).toContain(`ending the detached supervisor (PID ${detached.pid})`);
});

test('the system has templates, a drop-in for each user, and loses them with the last', async () => {
  request = fake.request('system');
  service = systemd(fake.host('system', answering), 257);
  await service.install(request, report);
  const { name } = request.user;
  expect(fake.changes()).toEqual([
    `loginctl enable-linger ${name}`,
    'systemctl daemon-reload',
    `systemctl enable rasend@${name}.service rasend@${name}.socket`,
    `systemctl start rasend@${name}.socket`,
    `systemctl start rasend@${name}.service`,
  ]);
  const other = join(fake.folders.etc, 'systemd/system/rasend@other.service.d');
  mkdirSync(other);
  await service.uninstall(request, report);
  expect(left()).toEqual([
    'systemd',
    'systemd/system',
    'systemd/system/rasend@.service',
    'systemd/system/rasend@.socket',
    'systemd/system/rasend@other.service.d',
    'systemd/user',
    'systemd/user/rasen.slice',
  ]);
});

test('the two kinds refuse each other for one user', async () => {
  await service.install(request, report);
  const system = systemd(fake.host('system', answering), 257);
  await expect(system.install(fake.request('system'), report)).rejects.toThrow(
    /service of their own already/,
  );
  await service.uninstall(request, report);
  request = fake.request('system');
  await system.install(request, report);
  await expect(service.install(fake.request(), report)).rejects.toThrow(/service of the system/);
});

test('another RASEN_HOME is another instance, which the unit does not serve', async () => {
  await service.install(request, report);
  const paths = { ...request.paths, socket: '/elsewhere/run/rasend.sock', runtime: '/elsewhere/run' };
  const other = { ...request, rasen_home: '/elsewhere', paths };
  for (const verb of ['install', 'uninstall', 'start', 'stop', 'restart'] as const)
    await expect(service[verb](other, report)).rejects.toThrow(/another instance/);
});

test('what is not installed cannot be started; the hint says how to install it', async () => {
  const error = await service.start(request, report).catch(e => e);
  expect(error).toMatchObject({ kind: 'service', hint: 'Install it: rasen service install' });
  expect(await service.status(request)).toMatchObject({ installed: false, running: false, at_boot: false });
});
