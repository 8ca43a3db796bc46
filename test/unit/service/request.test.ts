/** What a service is made of: launcher, login shell, file of variables, users. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isOnlyOurs, withPath } from '../../../src/service/environment-file.ts';
import { concernAbout, findLauncher } from '../../../src/service/launcher.ts';
import { askLoginShell, parseAnswer } from '../../../src/service/login-shell.ts';
import { requestOf, serviceRequest } from '../../../src/service/request.ts';
import { runProgram } from '../../../src/service/run.ts';
import { units } from '../../../src/service/systemd/units.ts';
import { namedUser, ownUser } from '../../../src/service/users.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function installation(at = folder): string {
  mkdirSync(join(at, 'bin'), { recursive: true });
  mkdirSync(join(at, 'dist'), { recursive: true });
  writeFileSync(join(at, 'bin/rasend'), '#!/bin/sh\n');
  chmodSync(join(at, 'bin/rasend'), 0o755);
  return join(at, 'dist');
}

test('the launcher is named by its real path, not by the links of npm', () => {
  installation(join(folder, 'lib/rasen'));
  symlinkSync(join(folder, 'lib'), join(folder, 'current'));
  expect(findLauncher(join(folder, 'current/rasen/dist'))).toBe(join(folder, 'lib/rasen/bin/rasend'));
  expect(() => findLauncher(join(folder, 'nowhere/dist'))).toThrow(/nothing to start/);
});

test.each([
  ['/usr/lib/node_modules/rasen/bin/rasend', null],
  ['/usr/local/lib/node_modules/rasen/bin/rasend', null],
  ['/home/a/.local/lib/node_modules/rasen/bin/rasend', null],
  ['/home/a/.nvm/versions/node/v24.1.0/lib/node_modules/rasen/bin/rasend', 'nvm'],
  ['/home/a/.local/share/fnm/node-versions/v24/installation/lib/node_modules/rasen/bin/rasend', 'fnm'],
  ['/home/a/.volta/tools/image/packages/rasen/lib/node_modules/rasen/bin/rasend', 'volta'],
  ['/home/a/.asdf/installs/nodejs/24/lib/node_modules/rasen/bin/rasend', 'asdf'],
  ['/home/a/.local/share/mise/installs/node/24/lib/node_modules/rasen/bin/rasend', 'mise'],
  ['/tmp/x/node_modules/rasen/bin/rasend', 'temporary folder'],
])('%s: %s', (path, word) => {
  const concern = concernAbout(path);
  if (word === null) return expect(concern).toBeNull();
  expect(concern).toMatchObject({ fatal: false, message: expect.stringContaining(word) });
});

test.each([
  '/home/a/.npm/_npx/1b2c/node_modules/rasen/bin/rasend',
  '/home/a/.cache/pnpm/dlx/abc/node_modules/rasen/bin/rasend',
  '/opt/it\'s "mine"/bin/rasend',
])('nothing lasting can be made of %s', path => {
  expect(concernAbout(path)).toMatchObject({ fatal: true });
});

test('PATH and umask come from the login shell, whatever its start-up files print', async () => {
  writeFileSync(
    join(folder, '.profile'),
    'echo Welcome; PATH=/from/profile:$PATH; export PATH; umask 0027\n',
  );
  const { uid, gid, username } = userInfo();
  const user = { name: username, uid, gid, home: folder, shell: '/bin/sh' };
  process.env.RASEN_TEST_PATH = 'x';
  const login = await askLoginShell(user, runProgram);
  delete process.env.RASEN_TEST_PATH;
  expect(login).toEqual({ path: expect.stringMatching(/^\/from\/profile:/), umask: '027' });
});

test('a shell that is none is no answer', async () => {
  const { uid, gid, username } = userInfo();
  for (const shell of ['/bin/false', '/no/such/shell', '/bin/cat'])
    expect(await askLoginShell({ name: username, uid, gid, home: folder, shell }, runProgram)).toBeNull();
});

test.each([
  ['noise rasen<PATH>/a:/b</PATH><UMASK>0022\n</UMASK>', { path: '/a:/b', umask: '022' }],
  ['rasen<PATH>/a b</PATH>\n<UMASK>2\n</UMASK>', { path: '/a b', umask: '002' }],
  ['rasen<PATH></PATH><UMASK>022</UMASK>', null],
  ['rasen<PATH>/a\x1b[0m</PATH><UMASK>022</UMASK>', null],
  ['rasen<PATH>/a</PATH><UMASK>u=rwx</UMASK>', null],
])('the answer %j is %j', (text, answer) => expect(parseAnswer(text)).toEqual(answer));

test('a program that hangs is ended, with what it started', async () => {
  const before = performance.now();
  const ran = await runProgram(['sh', '-c', 'sleep 60 & echo x; wait'], { timeout_ms: 200 });
  expect(ran).toMatchObject({ code: null, stdout: 'x\n', stderr: 'no end after 0.2 s' });
  expect(performance.now() - before).toBeLessThan(30_000);
  expect(await runProgram(['/no/such/program'])).toMatchObject({
    code: null,
    stderr: '/no/such/program is not installed',
  });
});

test('of the file of variables one line is ours, as long as our comment is above it', () => {
  const fresh = withPath(null, '/a');
  expect(isOnlyOurs(fresh)).toBe(true);
  expect(fresh).toContain('PATH="/a"\n');
  expect(withPath(fresh, '/b')).toBe(fresh.replace('/a', '/b'));
  const theirs = `${fresh}TOKEN_FILE="/x"\n`;
  expect(isOnlyOurs(theirs)).toBe(false);
  expect(withPath(theirs, '/b')).toBe(theirs.replace('/a', '/b'));
  expect(withPath('PATH=/mine\n', '/b')).toBe('PATH=/mine\n');
  expect(withPath('A=1', '/b')).toMatch(/^A=1\n# The PATH [^\n]*\nPATH="\/b"\n$/);
});

test('a user is looked up by name; names that cannot be in a unit are refused', async () => {
  expect(await namedUser('root', runProgram)).toMatchObject({ name: 'root', uid: 0, home: '/root' });
  await expect(namedUser('nobody-of-that-name', runProgram)).rejects.toThrow(/no user/);
  for (const name of ['a b', '../x', 'a%h', '', 'a@b'])
    await expect(namedUser(name, runProgram)).rejects.toMatchObject({ kind: 'usage' });
});

const root = process.getuid?.() === 0;
const options = { bundle_folder: '', verb: 'install', warn: () => {} } as const;

test.runIf(root)('sudo in front is a slip, and told so', async () => {
  const env = { HOME: folder, SUDO_USER: 'alice' };
  await expect(serviceRequest({ ...options, env })).rejects.toMatchObject({
    kind: 'usage',
    hint: expect.stringContaining('sudo rasen service install --system alice'),
  });
});

test.runIf(root)('the HOME of another user is refused', async () => {
  const { chownSync } = await import('node:fs');
  chownSync(folder, 65_534, 65_534);
  const env = { HOME: folder };
  await expect(serviceRequest({ ...options, env })).rejects.toThrow(/belongs to another user/);
});

test('RASEN_HOME is no matter of a service of the system', async () => {
  const env = { HOME: folder, RASEN_HOME: folder };
  const asked = serviceRequest({ ...options, env, system: 'root' });
  await expect(asked).rejects.toThrow(root ? /RASEN_HOME is set/ : /for root/);
});

test('everything is resolved: the request holds paths of the service, whatever the shell has', async () => {
  const env = { HOME: folder, PATH: '/usr/bin', XDG_RUNTIME_DIR: '/somewhere/else' };
  const said: string[] = [];
  const request = await serviceRequest({
    env,
    bundle_folder: installation(),
    verb: 'install',
    warn: text => said.push(text),
  });
  const { uid } = userInfo();
  expect(request).toMatchObject({ mode: 'user', rasen_home: null, launcher: join(folder, 'bin/rasend') });
  if (process.platform === 'linux') expect(request.paths.socket).toBe(`/run/user/${uid}/rasen/rasend.sock`);
  expect(said).toEqual([expect.stringContaining('temporary folder')]);
});

test.skipIf(process.platform !== 'linux')(
  'a HOME that is not that of the user database: units are where the manager looks, state is where HOME says',
  () => {
    const { uid, gid, username } = userInfo();
    const entry = { name: username, uid, gid, home: '/home/of-the-database', shell: null };
    const env = { HOME: folder, PATH: '/usr/bin' };
    const user = ownUser(env, entry);
    const request = requestOf({ mode: 'user', user, launcher: '/usr/bin/rasend', env, login: null });
    expect(request.paths.home).toBe(join(folder, '.local/state/rasen'));
    const [service] = units(request, 257);
    expect(service!.path).toBe('/home/of-the-database/.config/systemd/user/rasend.service');
    expect(service!.text).toContain(`Environment=XDG_STATE_HOME=${folder}/.local/state\n`);
    expect(service!.text).toContain(`EnvironmentFile=-${folder}/.config/rasen/service.env\n`);
  },
);

test('a user without an entry has the home that HOME names, and a number for a name', () => {
  const entry = { name: '54321', uid: process.getuid!(), gid: process.getgid!(), home: null, shell: null };
  expect(ownUser({ HOME: folder }, entry)).toMatchObject({ name: '54321', home: folder, shell: '/bin/sh' });
});
