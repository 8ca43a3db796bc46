/** The installed service, as found by a command that nobody answers; and the sockets that commands look for. */
import { chownSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clientPaths, instancePaths, sessionRuntime } from '../../../src/paths.ts';
import { installedFor, startInstalled } from '../../../src/service/installed.ts';
import { dropInPath } from '../../../src/service/systemd/names.ts';
import { units } from '../../../src/service/systemd/units.ts';
import { FakeSystemd } from '../../support/fake-systemd.ts';

let fake: FakeSystemd;
beforeEach(() => {
  fake = new FakeSystemd();
});
afterEach(() => fake.close());

function put(path: string, text = ''): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** As an enabled installation leaves it. */
function installed() {
  const request = fake.request();
  for (const { path, text } of units(request, 257, fake.folders)) put(path, text);
  put(join(fake.home, '.config/systemd/user/sockets.target.wants/rasend.socket'));
  const { env, run, folders } = fake.host();
  return { env: { ...env, HOME: fake.home }, run, folders, paths: request.paths, user: request.user };
}

test('is started in place of a detached supervisor, and that is said', async () => {
  const options = installed();
  const said: string[] = [];
  expect(await startInstalled(options, text => said.push(text))).toBe(true);
  expect(fake.changes()).toEqual(['systemctl --user start rasend.socket rasend.service']);
  expect(said).toEqual([expect.stringContaining('starting the installed service')]);
});

test('that cannot be started is an error, since a detached one would take its state', async () => {
  const options = installed();
  fake.refuse('systemctl --user start', 'Unit is masked.');
  await expect(startInstalled(options, () => {})).rejects.toMatchObject({
    kind: 'service',
    message: 'The service rasend does not start: Unit is masked.',
  });
});

test('is none: not enabled, of another instance, or systemd does not run here', async () => {
  const options = installed();
  const other = instancePaths({ HOME: fake.home, RASEN_HOME: '/elsewhere' });
  expect(installedFor({ ...options, paths: other })).toBeNull();
  expect(installedFor({ ...options, folders: { ...fake.folders, booted: '/no/such/folder' } })).toBeNull();
  const empty = new FakeSystemd();
  expect(installedFor({ ...options, user: empty.request().user })).toBeNull();
  expect(await startInstalled({ ...options, user: empty.request().user }, () => {})).toBe(false);
  empty.close();
});

test('is found behind links, as home-manager and stow make them; a mask is none', async () => {
  const options = installed();
  const units = join(fake.home, '.config/systemd/user');
  const socket = join(units, 'rasend.socket');
  renameSync(socket, join(fake.folder, 'socket'));
  symlinkSync(join(fake.folder, 'socket'), socket);
  expect(installedFor(options)).toBe('user');
  rmSync(socket);
  symlinkSync('/dev/null', socket);
  expect(installedFor(options)).toBeNull();
});

test('of the system is for root to start', async () => {
  const { paths } = fake.request('system');
  put(dropInPath(userInfo().username, fake.folders));
  const { env, run, folders } = fake.host();
  const options = { env: { ...env, HOME: fake.home }, run, folders, paths };
  await expect(startInstalled(options, () => {})).rejects.toMatchObject({
    kind: 'service',
    hint: expect.stringContaining(`sudo rasen service start --system ${userInfo().username}`),
  });
});

test('commands find the socket of the system only where the user has none of his own', () => {
  const env = { HOME: fake.home, XDG_RUNTIME_DIR: join(fake.folder, 'run/user') };
  const own = join(fake.folder, 'run/user/rasen/rasend.sock');
  const system = join(fake.folders.run_rasen, userInfo().username, 'rasend.sock');
  const found = (more = {}) => clientPaths({ ...env, ...more }, fake.folders.run_rasen).socket;
  expect(found()).toBe(own);
  put(system);
  expect(found()).toBe(system);
  expect(found({ RASEN_HOME: '/x' })).toBe('/x/run/rasend.sock');
  put(own);
  expect(found()).toBe(own);
});

test.runIf(process.platform === 'linux')(
  'of two sockets, one of which was stopped and has left its file, the other is found',
  async () => {
    const env = { HOME: fake.home, XDG_RUNTIME_DIR: join(fake.folder, 'run/user') };
    const own = join(fake.folder, 'run/user/rasen/rasend.sock');
    const system = join(fake.folders.run_rasen, userInfo().username, 'rasend.sock');
    put(own);
    mkdirSync(dirname(system), { recursive: true });
    const server = createServer();
    await new Promise<void>(resolve => server.listen(system, resolve));
    expect(clientPaths(env, fake.folders.run_rasen).socket).toBe(system);
    await new Promise(resolve => server.close(resolve));
    expect(clientPaths(env, fake.folders.run_rasen).socket).toBe(own);
  },
);

test.runIf(process.platform === 'linux')('without XDG_RUNTIME_DIR, the folder of the session is used', () => {
  const session = join(fake.folder, 'session');
  const socket = () => instancePaths({ HOME: fake.home }, session).socket;
  expect(socket()).toBe(join(fake.home, '.local/state/rasen/run/rasend.sock'));
  mkdirSync(join(session, String(userInfo().uid)), { recursive: true });
  expect(socket()).toBe(join(session, String(userInfo().uid), 'rasen/rasend.sock'));
});

test.runIf(process.platform === 'linux')("another user's XDG_RUNTIME_DIR, as after su, is not used", () => {
  const { uid } = userInfo();
  const session = join(fake.folder, 'session');
  const foreign = uid === 0 ? join(fake.folder, 'foreign') : '/';
  if (uid === 0) {
    mkdirSync(foreign);
    chownSync(foreign, 4_190_000_001, 0);
  }
  const found = (XDG_RUNTIME_DIR: string) => sessionRuntime({ XDG_RUNTIME_DIR }, session);
  expect(found(foreign)).toBeUndefined();
  mkdirSync(join(session, String(uid)), { recursive: true });
  expect(found(foreign)).toBe(join(session, String(uid)));
  expect(found(fake.home)).toBe(fake.home);
  const absent = join(fake.folder, 'not-there-yet');
  expect(found(absent)).toBe(absent);
});
