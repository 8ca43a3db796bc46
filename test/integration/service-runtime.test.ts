/**
 * rasend under a service manager: sockets that are handed over, what it says about itself, reload, watchdog, logs. The
 * service manager is a fake with real sockets; real ones are in test/boot.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { commandSpec, Instance, RASEN, until } from '../support/instance.ts';
import { ServiceManager, type ServiceManagerOptions } from '../support/service-manager.ts';

let rig: Instance;
const managers: ServiceManager[] = [];
beforeEach(() => {
  rig = new Instance();
});
afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close();
  await rig.close();
});

const ALL: ServiceManagerOptions = { fds: ['rpc', 'sdnotify', 'journal'] };
const RASEND = join(import.meta.dirname, '../../bin/rasend');
const NONE = '0 running, 0 waiting, 0 blocked';

function manager(options: ServiceManagerOptions): ServiceManager {
  const one = new ServiceManager(rig, options);
  managers.push(one);
  return one;
}

async function run(argv: string[]): Promise<string> {
  const spec = commandSpec(argv, rig.folder);
  await rig.call('task.run', { spec, env: rig.env });
  return spec.id;
}

/** The last line that `systemctl status` would show. */
const shown = ({ notes }: ServiceManager) =>
  notes.findLast(note => note.startsWith('STATUS='))?.slice('STATUS='.length) ?? null;
const settings = (text: string) => writeFileSync(join(rig.home, 'rasend.yml'), text);
const messages = (one: ServiceManager) => one.entries.map(entry => entry.get('MESSAGE')!);

test('it serves on the socket that it is given, says when it is ready, and how its tasks are', async () => {
  const systemd = manager(ALL);
  systemd.launch();
  await until('the socket is there', () => existsSync(rig.socket));
  // A client that is early waits in the queue of the socket.
  const early = await rig.client();
  await systemd.note('READY=1');
  expect((await early.call<{ pid: number }>('daemon.status', {})).pid, 'the launcher is replaced').toBe(
    systemd.pid,
  );
  early.close();
  expect(systemd.notes).toEqual([`STATUS=${NONE}`, 'READY=1']);
  expect(readFileSync(join(rig.home, 'run/rasend.pid'), 'utf8')).toBe(`${systemd.pid}\n`);

  const gate = join(rig.folder, 'gate');
  const task = await run(['/bin/sh', '-c', `while [ ! -e ${gate} ]; do sleep 0.05; done`]);
  await until('the task is shown', () => shown(systemd) === '1 running, 0 waiting, 0 blocked');
  expect(await systemd.end(), systemd.stderr).toBe(0);
  expect(systemd.notes.at(-1)).toBe('STOPPING=1');
  expect(lstatSync(rig.socket).isSocket(), 'the socket is not ours to remove').toBe(true);
  expect(existsSync(join(rig.home, 'run/rasend.pid'))).toBe(false);

  // Nobody listens now; the client waits until somebody does, and the task went on meanwhile.
  const late = connect(rig.socket);
  await new Promise(resolve => late.once('connect', resolve));
  const from = systemd.notes.length;
  await systemd.start();
  expect(systemd.notes.slice(from)).toEqual(['STATUS=1 running, 0 waiting, 0 blocked', 'READY=1']);
  late.destroy();
  writeFileSync(gate, '');
  const [view] = await rig.call<TaskView[]>('task.wait', { tasks: [task] });
  expect(view!.status).toBe('completed');
  await until('the task is over', () => shown(systemd) === NONE);
});

test('its children know nothing of the service manager', async () => {
  const bin = join(rig.folder, 'bin');
  const said = join(rig.folder, 'said');
  mkdirSync(bin);
  // A program that gets the environment of rasend itself.
  writeFileSync(join(bin, 'git'), `#!/bin/sh\nenv >${said}\necho git version 2.99.0\n`, { mode: 0o755 });
  const systemd = manager({
    ...ALL,
    notify_socket: true,
    watchdog_usec: 60_000_000,
    stderr_is_journal: true,
    env: { PATH: `${bin}:${rig.env.PATH}` },
  });
  await systemd.start();
  await rig.call('daemon.doctor');
  expect(readFileSync(said, 'utf8')).toContain(`PATH=${bin}:`);
  expect(readFileSync(said, 'utf8')).not.toMatch(/NOTIFY_SOCKET|LISTEN_|WATCHDOG_|JOURNAL_STREAM/);
  const task = await run(['sleep', '600']);
  const children = await until('its command runs', () => {
    const found = descendants(systemd.pid!);
    // Who asks is found out by a helper that gets the connection and ends.
    const asks = found.some(child => /^\S*(perl|python3) /.test(child.command));
    return !asks && found.some(child => child.command.startsWith('sleep')) ? found : null;
  });
  // The helper for files has the one by which it is asked.
  // Those that only help, such as flock(1), may have ended meanwhile.
  for (const { pid, command } of children.filter(child => existsSync(`/proc/${child.pid}/fd`)))
    expect(sockets(pid).length, `descriptors of ${command}`).toBe(command.includes('rasen-files') ? 1 : 0);
  expect(sockets(systemd.pid!).length).toBeGreaterThanOrEqual(3);
  await rig.call('task.cancel', { task, force: true });
});

test('a socket whose file is gone is put back at its path, by one that runs and by one that starts; tasks go on', async () => {
  const systemd = manager(ALL);
  await systemd.start();
  const task = await run(['sleep', '600']);
  const calls = async () => {
    await until('it is back', () => existsSync(rig.socket));
    return await rig.call<{ live_jobs: number }>('daemon.status');
  };
  rmSync(rig.socket);
  expect((await calls()).live_jobs).toBe(1);
  // Its own socket stays where it was when it is killed; nobody is behind it any more.
  expect(await systemd.end('SIGKILL')).toBe(-9);
  expect(existsSync(rig.socket)).toBe(true);
  await systemd.start();
  expect((await calls()).live_jobs).toBe(1);
  // The folder goes too, as with a runtime directory that is made anew.
  rmSync(join(rig.home, 'run'), { recursive: true });
  expect((await calls()).live_jobs).toBe(1);
  await rig.call('task.cancel', { task, force: true });
  await systemd.end();
  expect(existsSync(rig.socket), 'what it has bound itself, it removes').toBe(false);
});

test('the journal tells what becomes of tasks, by the task and with a priority that follows the outcome', async () => {
  const systemd = manager(ALL);
  await systemd.start();
  const good = await run(['true']);
  const bad = await run(['false']);
  const told = (task: string) =>
    systemd.entries
      .filter(entry => entry.get('RASEN_TASK') === task && entry.has('RASEN_EVENT'))
      .map(entry => [entry.get('RASEN_EVENT')!, Number(entry.get('PRIORITY'))] as const);
  await until(
    'both are over',
    () =>
      told(bad).some(([event]) => event === 'task_failed') &&
      told(good).some(([event]) => event === 'task_completed'),
  );
  expect([...new Set(told(good).map(([event]) => event))]).toEqual([
    ...[
      'task_submitted',
      'task_started',
      'attempt_created',
      'attempt_ended',
      'step_completed',
      'task_completed',
    ],
  ]);
  expect(new Set(told(good).map(([, priority]) => priority))).toEqual(new Set([6]));
  expect(told(bad)).toContainEqual(['step_failed', 3]);
  expect(told(bad)).toContainEqual(['task_failed', 3]);
  const message = systemd.entries
    .findLast(entry => entry.get('RASEN_EVENT') === 'task_failed')!
    .get('MESSAGE')!;
  expect(message).toMatch(new RegExp(`^task ${bad} \\([^)]+\\): Task failed: [^=]+$`));
});

test('what keeps it from starting is the last thing it says to its manager', async () => {
  mkdirSync(rig.home, { recursive: true });
  chmodSync(rig.home, 0o777);
  const systemd = manager(ALL);
  systemd.launch();
  expect(await systemd.whenEnded()).not.toBe(0);
  expect(shown(systemd)).toMatch(/^cannot start: .* can be written by others/);
});

test.each([
  ['there is a file at its path', 'above'],
  ['the folder above it is a file', 'above/state'],
])('a state that cannot be made is no bug: %s', (_what, state) => {
  const RASEN_HOME = join(rig.folder, state);
  writeFileSync(join(rig.folder, 'above'), '');
  const { status, stderr } = spawnSync(RASEND, { env: { ...rig.env, RASEN_HOME }, encoding: 'utf8' });
  expect([status, stderr]).toEqual([
    5,
    expect.stringMatching(/^rasend: The state in .*\/above\S* cannot be used: E/),
  ]);
});

test('sockets for another process are left alone', async () => {
  const systemd = manager({ fds: ['sdnotify', 'journal'], wrong_pid: true });
  systemd.launch();
  await rig.call('daemon.status');
  expect(await systemd.end()).toBe(0);
  expect([systemd.notes, systemd.entries]).toEqual([[], []]);
  expect(readFileSync(join(rig.home, 'rasend.log'), 'utf8')).toContain('"msg":"listening"');
});

test('a socket that nobody can connect to is refused', async () => {
  const systemd = manager({
    command: [
      '/bin/sh',
      '-c',
      `exec 3</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=rpc exec ${RASEND}`,
    ],
  });
  systemd.launch();
  expect(await systemd.whenEnded()).toBe(2);
  expect(systemd.stderr).toMatch(
    /socket of the service manager \(descriptor 3\) cannot be used.*\n.*ListenStream=/,
  );
});

test('reload: settings take effect at once; wrong ones are named and the old ones stay', async () => {
  const systemd = manager(ALL);
  await systemd.start();
  settings('max_live_jobs: 1\n');
  let from = systemd.notes.length;
  systemd.signal('SIGHUP');
  await systemd.note('READY=1', from);
  const reloading = systemd.notes.slice(from);
  expect(reloading).toEqual([expect.stringMatching(/^RELOADING=1\nMONOTONIC_USEC=\d+$/), 'READY=1']);
  const usec = Number(/\d+$/.exec(reloading[0]!));
  const now = Number(process.hrtime.bigint() / 1000n);
  expect(usec, 'the clock of systemd').toBeGreaterThan(now - 60_000_000);
  expect(usec).toBeLessThanOrEqual(now);

  const max = async () => (await rig.call<{ max_live_jobs: number }>('daemon.status')).max_live_jobs;
  expect(await max()).toBe(1);
  const tasks = [await run(['sleep', '600']), await run(['sleep', '600'])];
  const live = async () => (await rig.call<{ live_jobs: number }>('daemon.status')).live_jobs;
  await until('the first one runs', async () => (await live()) === 1);

  settings('max_live_jobs: 2\nlog_levle: info\n');
  from = systemd.notes.length;
  systemd.signal('SIGHUP');
  await systemd.note('READY=1', from);
  const problem = `${join(rig.home, 'rasend.yml')}:2:1: log_levle: `;
  await until('it is shown', () => shown(systemd)?.includes(`; settings not used: ${problem}`));
  const told = systemd.entries.filter(entry => entry.get('MESSAGE')?.includes(problem));
  expect(told.map(entry => entry.get('PRIORITY'))).toEqual(['3']);
  expect([await max(), await live()]).toEqual([1, 1]);

  settings('max_live_jobs: 2\nlog_level: error\nlog: file\n');
  systemd.signal('SIGHUP');
  await until('there is room for the second one', async () => (await live()) === 2);
  await until('the problem is solved', () => shown(systemd) === '2 running, 0 waiting, 0 blocked');
  const said = systemd.entries.length;
  systemd.signal('SIGHUP');
  await systemd.note('READY=1', systemd.notes.length);
  expect(messages(systemd).slice(said), 'not important enough for this level').toEqual([]);
  for (const task of tasks) await rig.call('task.cancel', { task, force: true });
});

test.skipIf(spawnSync('systemd-notify', ['--version']).error)(
  'before systemd 253: systemd-notify speaks for it, and standard error has priorities',
  async () => {
    const systemd = manager({
      fds: ['rpc'],
      notify_socket: true,
      stderr_is_journal: true,
      watchdog_usec: 300_000,
    });
    await systemd.start();
    await until('it is alive', () => systemd.notes.filter(note => note === 'WATCHDOG=1').length >= 2);
    const from = systemd.notes.length;
    systemd.signal('SIGHUP');
    const reloading = await systemd.note('RELOADING=1', from);
    await systemd.note('READY=1', reloading);
    await systemd.end();
    expect(systemd.notes).toContain(`STATUS=${NONE}`);
    expect(systemd.notes).toContain('STOPPING=1');
    const lines = systemd.stderr.trimEnd().split('\n');
    expect(lines.filter(line => !line.startsWith('<6>'))).toEqual([]);
    expect(lines).toContain(`<6>listening socket=${rig.socket}`);
    expect(existsSync(join(rig.home, 'rasend.log'))).toBe(false);
  },
);

test('the watchdog is fed while it can work, and starves when it hangs; its task lives on', async () => {
  const systemd = manager({ ...ALL, watchdog_usec: 150_000 });
  await systemd.start();
  const task = await run(['sleep', '600']);
  const pings = () => systemd.notes.filter(note => note === 'WATCHDOG=1').length;
  const before = pings();
  await until('it is fed', () => pings() >= before + 5);
  // A journal that takes nothing any more holds up every program that writes to it: the event loop does not turn.
  systemd.deaf();
  await until('it is silent for many times as long as it may', () => {
    systemd.signal('SIGHUP');
    return Date.now() - systemd.noted_at > 1500;
  });
  expect(await systemd.end('SIGABRT')).toBe(-6);
  systemd.hear();
  await systemd.start();
  expect((await rig.call<TaskView>('task.get', { task })).status).toBe('running');
  await rig.call('task.cancel', { task, force: true });
});

test('the lock is held by a supervisor without a service manager: it says so and ends, and may try again', async () => {
  await rig.start();
  const systemd = manager({ fds: ['sdnotify', 'journal'], stderr_is_journal: true });
  systemd.launch();
  expect(await systemd.whenEnded()).toBe(75);
  expect(shown(systemd)).toContain(`Another supervisor is running already (pid ${rig.daemon!.pid})`);
  expect(systemd.stderr).toMatch(
    /^<3>rasend: Another supervisor is running already .*\n<3> {2}Use it, or stop it/,
  );
  await rig.kill('SIGTERM');
  await systemd.start();
  // Its own socket this time; it is there as soon as it says that it is ready.
  const client = await rig.client();
  expect((await client.call<{ pid: number }>('daemon.status', {})).pid).toBe(systemd.pid);
  client.close();
});

test('a supervisor that rasen starts by itself does not speak in the name of its caller', async () => {
  const systemd = manager({
    notify_socket: true,
    watchdog_usec: 60_000_000,
    command: [RASEN, 'run', '--background', '--', 'true'],
    env: { PWD: rig.folder },
  });
  systemd.launch();
  expect(await systemd.whenEnded(), systemd.stderr).toBe(0);
  await until('the task is over', async () => {
    const [view] = await rig.call<TaskView[]>('task.list');
    return view!.status === 'completed';
  });
  expect(systemd.notes).toEqual([]);
});

test('a line of 100 KB is one entry of the journal; one that is too long for it goes to standard error', async () => {
  const program = join(import.meta.dirname, '../support/journal-writer.ts');
  const systemd = manager({ fds: ['journal'], command: [process.execPath, program, '100000'] });
  systemd.launch();
  expect(await systemd.whenEnded(), systemd.stderr).toBe(0);
  const [entry] = await until('the entry', () => (systemd.entries.length > 0 ? systemd.entries : null));
  expect(entry!.get('MESSAGE')).toBe(`${'x'.repeat(100_000)} task=t1`);
  expect(entry!.get('RASEN_TASK')).toBe('t1');
  expect(systemd.stderr).toBe('');

  const too = manager({ fds: ['journal'], command: [process.execPath, program, '20000000'] });
  too.launch();
  expect(await too.whenEnded()).toBe(0);
  await until('all is said', () => too.stderr.endsWith('task=t1\n'));
  expect(too.stderr.slice(0, 20)).toBe(`<3>${'x'.repeat(17)}`);
  expect(too.entries).toEqual([]);
});

test('log: file is opened again by SIGHUP, stderr is JSON where no journal is behind it', async () => {
  await rig.start();
  await rig.kill('SIGTERM');
  expect(readlinkSync(join(rig.home, 'rasend.log'))).toBe('rasend.1.log');
  settings('log: file\n');
  const systemd = manager({ fds: ['rpc', 'sdnotify', 'journal'] });
  // The socket of the first supervisor is gone with it; the manager makes its own.
  await systemd.start();
  const path = join(rig.home, 'rasend.log');
  expect(readFileSync(path, 'utf8')).toContain('"msg":"listening"');
  spawnSync('mv', [path, `${path}.1`]);
  const from = systemd.notes.length;
  systemd.signal('SIGHUP');
  await systemd.note('READY=1', from);
  await systemd.end();
  const lines = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line).msg as string);
  expect(lines).toEqual(['settings read again', 'supervisor ends; attempts live on']);
  expect(systemd.entries).toEqual([]);

  settings('log: stderr\n');
  await systemd.start();
  await systemd.end();
  const said = systemd.stderr
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line).msg as string);
  expect(said).toEqual(['supervisor started', 'listening', 'supervisor ends; attempts live on']);
});

/** All descendants of a process. */
function descendants(root: number): { pid: number; command: string }[] {
  const all = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return [
          { pid: Number(name), parent: Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]), command },
        ];
      } catch {
        return [];
      }
    });
  const found: typeof all = [];
  for (let parents = [root]; parents.length > 0; ) {
    const next = all.filter(one => parents.includes(one.parent));
    found.push(...next);
    parents = next.map(one => one.pid);
  }
  return found;
}

function sockets(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .map(fd => readlinkSync(`/proc/${pid}/fd/${fd}`))
    .filter(target => target.startsWith('socket:'));
}
