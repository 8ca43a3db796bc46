/** `rasen ensure`: a service of a folder that is there when the command returns; and a real database, where there is one. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EXIT } from '../../src/contract/errors.ts';
import { type CliResult, Instance, marked, until } from '../support/instance.ts';

const SERVER = join(import.meta.dirname, '../support/server.mjs');

let rig: Instance;
beforeEach(() => {
  rig = new Instance();
});
afterEach(() => rig.close());

const at = (name: string) => join(rig.folder, name);
const starts = () =>
  existsSync(at('starts'))
    ? readFileSync(at('starts'), 'utf8')
        .trimEnd()
        .split('\n')
        .map(line => Number(line.split(' ')[1]))
    : [];
const serve = (...flags: string[]) => ['--', process.execPath, SERVER, 'web', ...flags];
const ensure = (...args: string[]): Promise<CliResult> => rig.rasenAsync(['ensure', 'web', ...args]);
const nothingLeft = () => expect(marked(rig.home).map(({ command }) => command)).toEqual([]);
const asked = async ({ stdout }: CliResult) => await (await fetch(stdout.trim())).text();

test('starts it once, for several at the same time, and prints where', async () => {
  await rig.start();
  const all = await Promise.all([1, 2, 3].map(() => ensure('--ready', 'http=/', ...serve())));
  expect(all.map(({ status }) => status)).toEqual([0, 0, 0]);
  expect(new Set(all.map(({ stdout }) => stdout)).size).toBe(1);
  expect(await asked(all[0]!)).toBe(`web ${starts()[0]}\n`);
  expect(starts().length).toBe(1);
  await rig.kill();
  await rig.start();
  const again = await ensure('--ready', 'http=/', '--json', ...serve());
  expect(JSON.parse(again.stdout)).toMatchObject({
    name: 'web',
    ready: true,
    started: false,
    status: 'running',
  });
  expect([again.stderr, starts().length]).toEqual(['rasen: web is ready, and was up already\n', 1]);
  expect((await rig.rasenAsync(['list'])).stdout).toMatch(/running .* web/);

  // Stopped or given up, it is there again; with another command it is another service.
  for (const verb of ['stop', 'cancel']) {
    expect((await rig.rasenAsync([verb, 'web'])).status).toBe(0);
    nothingLeft();
    const once = await ensure('--ready', 'http=/', ...serve());
    expect([once.status, once.stdout, once.stderr]).toEqual([
      0,
      all[0]!.stdout,
      expect.stringContaining('web is ready\n'),
    ]);
  }
  const other = await ensure('--', 'sleep', '100');
  expect([other.status, other.stderr]).toEqual([
    EXIT.refused,
    expect.stringMatching(/has another command .*\n.*rasen cancel/),
  ]);
  expect((await rig.rasenAsync(['cancel', 'web'])).status).toBe(0);
  nothingLeft();
});

test('a command that was given up is corrected by the right one', async () => {
  await rig.start();
  const wrong = await ensure('--restart', 'never', '--', 'sh', '-c', 'echo no such script; exit 3');
  expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining('exit code 3')]);
  const right = await ensure('--ready', 'http=/', ...serve());
  expect([right.status, right.stderr]).toEqual([0, expect.stringContaining('web is ready\n')]);
  expect((await rig.rasenAsync(['cancel', 'web'])).status).toBe(0);
  nothingLeft();
});

test('its exit status says what became of it: given up, a person needed, not in time', async () => {
  await rig.start();
  const slow = await ensure('--timeout', '0.5s', ...serve('--waits'));
  expect([slow.status, slow.stdout]).toEqual([EXIT.temporary, '']);
  expect(slow.stderr).toMatch(/web is not ready in time, and goes on trying: .*not ready within 0.5 s/);
  await rig.rasenAsync(['cancel', 'web']);
  const flaps = await rig.rasenAsync(['ensure', 'flaps', '--restart', 'never', ...serve('--flaps')]);
  expect([flaps.status, flaps.stderr]).toEqual([
    EXIT.failed,
    expect.stringContaining('ended with exit code 1'),
  ]);
  const other = createServer();
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const taken = await rig.rasenAsync(['ensure', 'taken', '--port', `${port}`, ...serve()]);
  expect([taken.status, taken.stderr]).toEqual([
    EXIT.blocked,
    expect.stringContaining(`is taken by process ${process.pid}`),
  ]);
  await new Promise(resolve => other.close(resolve));
  expect((await rig.rasenAsync(['ensure', 'taken', '--port', `${port}`, ...serve()])).status).toBe(0);
  await rig.rasenAsync(['cancel', 'taken']);
  nothingLeft();
});

test.each([
  [['--ready', 'soon', ...serve()], '--ready: "soon" is not one of tcp=PORT, http=URL'],
  [['--ready', 'http=nowhere', ...serve()], 'wanted a URL such as'],
  [['--port', 'high', ...serve()], 'wanted auto, or a whole number'],
  [['--timeout', 'soon', ...serve()], '--timeout: "soon" is not a duration'],
  [[], 'There is no command behind "--"'],
])('refuses %j and starts nothing', async (args, message) => {
  await rig.start();
  const { status, stderr } = await ensure(...args);
  expect([status, stderr]).toEqual([EXIT.usage, expect.stringContaining(message)]);
  expect((await rig.rasenAsync(['list'])).stdout).not.toContain('web');
});

/** PostgreSQL does not run as root: then it runs as its own user. */
const BIN = (existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [])
  .map(version => `/usr/lib/postgresql/${version}/bin`)
  .find(folder => existsSync(join(folder, 'initdb')));
const IS_ROOT = process.getuid?.() === 0;
const ids = IS_ROOT ? idsOf('postgres') : null;

function idsOf(user: string): { uid: number; gid: number } | null {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find(text => text.startsWith(`${user}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : null;
}

test.skipIf(!BIN || (IS_ROOT && !ids))(
  'a real PostgreSQL: ready for queries, killed, started again, gone (skipped where it is not installed)',
  async () => {
    const as = ids ? ['setpriv', '--reuid', `${ids.uid}`, '--regid', `${ids.gid}`, '--clear-groups'] : [];
    mkdirSync(at('data'));
    if (ids) {
      chmodSync(rig.folder, 0o755);
      chownSync(at('data'), ids.uid, ids.gid);
    }
    const [init, ...words] = [
      ...as,
      `${BIN}/initdb`,
      '-D',
      at('data'),
      '-A',
      'trust',
      '-U',
      'postgres',
      '-N',
    ];
    execFileSync(init!, words, { stdio: 'ignore' });
    await rig.start();
    const server = [...as, `${BIN}/postgres`, '-D', at('data'), '-p', '${PORT}', '-k', at('data')];
    const query = `${BIN}/pg_isready -h 127.0.0.1 -p $PORT`;
    const db = () => rig.rasenAsync(['ensure', 'db', '--ready', `command=${query}`, '--', ...server]);
    const up = await db();
    expect([up.status, up.stderr]).toEqual([0, expect.stringContaining('db is ready')]);
    const { port } = new URL(up.stdout.trim());
    const select = () =>
      execFileSync(`${BIN}/psql`, ['-h', '127.0.0.1', '-p', port, '-U', 'postgres', '-Atc', 'select 6*7'], {
        encoding: 'utf8',
      });
    expect(select()).toBe('42\n');
    const pid = Number(readFileSync(at('data/postmaster.pid'), 'utf8').split('\n')[0]);
    process.kill(pid, 'SIGKILL');
    await until('it is another one', async () => {
      const task = await rig.call<{ subtasks: { service: { ready: boolean; restarts: number } }[] }>(
        'task.get',
        { task: 'db' },
      );
      const { ready, restarts } = task.subtasks[0]!.service;
      return ready && restarts > 0;
    });
    expect([select(), (await db()).stdout]).toEqual(['42\n', up.stdout]);
    expect((await rig.rasenAsync(['cancel', 'db'])).status).toBe(0);
    nothingLeft();
    expect(existsSync(at('data/postmaster.pid'))).toBe(false);
  },
);
