/**
 * rasend installed in a launchd that is played by fake-launchctl.py: the order of things, what is undone, and that the
 * environment of the property list is enough for a real rasend. What launchd itself does needs a Mac.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { instancePaths } from '../../src/paths.ts';
import { answerOn } from '../../src/service/answer.ts';
import { type LaunchdOptions, launchd } from '../../src/service/launchd/launchd.ts';
import type { ServiceManager, ServiceRequest } from '../../src/service/service.ts';
import { suspendTasks } from '../../src/service/tasks.ts';
import { VERSION } from '../../src/version.ts';
import { FakeLaunchd } from '../support/fake-launchd.ts';
import { Instance, marked, until } from '../support/instance.ts';
import { hasPython } from '../support/plist-read.ts';

const UID = 501;
const LABEL = 'dev.rasen.rasend';
const TARGET = `gui/${UID}/${LABEL}`;
const RASEND = join(import.meta.dirname, '../../bin/rasend');
const PATH = `${process.env.PATH}:/only/in/the/plist`;

let instance: Instance;
let mac: FakeLaunchd;
let said: string[];
/** Tasks were stopped while the supervisor with this pid answered. */
let stopped: (number | null)[];
let plist: string;

beforeEach(() => {
  instance = new Instance({ RASEN_CAGE: 'group' });
  const home = { HOME: instance.folder, USER: 'alice', LOGNAME: 'alice', SHELL: '/bin/sh' };
  mac = new FakeLaunchd(join(instance.folder, 'launchd'), {
    domains: [`gui/${UID}`, `user/${UID}`, 'system'],
    agent: { ...home, RASEN_CAGE: 'group' },
  });
  plist = join(instance.folder, 'Library/LaunchAgents', `${LABEL}.plist`);
  said = [];
  stopped = [];
});

afterEach(async () => {
  mac.close();
  await instance.close();
});

/** What runs is the bundle, which knows its version; this test is run from source, which has none. */
const sameVersion = async (socket: string) => {
  const answer = await answerOn(socket);
  return answer && { ...answer, version: VERSION };
};

const report = (step: string) => void said.push(step);

/** One that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

function manager(more: Partial<LaunchdOptions> = {}): ServiceManager {
  return launchd({
    suspendTasks: async () => void stopped.push(instance.pid()),
    launchctl: mac.launchctl,
    root: instance.folder,
    uid: UID,
    probe: sameVersion,
    ...more,
  });
}

function request(more: Partial<ServiceRequest> = {}): ServiceRequest {
  const gid = process.getgid!();
  return {
    mode: 'user',
    user: { name: 'alice', uid: UID, gid, home: instance.folder, shell: '/bin/sh' },
    launcher: RASEND,
    path: PATH,
    umask: '027',
    rasen_home: instance.home,
    paths: instancePaths({ RASEN_HOME: instance.home }),
    ...more,
  };
}

/** A daemon of the user who runs this test: it gets a folder of his. */
function daemon(): ServiceRequest {
  const { user } = request();
  return request({ mode: 'system', user: { ...user, uid: process.getuid!() } });
}

/** Everything below the Mac's root but what the tools of this test and the instance itself keep there. */
function tree(folder = instance.folder): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter(name => !/^(h|launchd)(\/|$)/.test(name))
    .sort();
}

function launcher(text: string): string {
  const path = join(instance.folder, 'launchd', 'rasend');
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

const pidOf = (target: string) => mac.jobs()[target]?.pid;

describe.skipIf(!hasPython || process.platform !== 'linux')('an installed agent (needs python3)', () => {
  test('answers, with nothing but the environment of its property list; again changes nothing', async () => {
    await manager().install(request(), report);
    expect(mac.changes()).toEqual([`enable ${TARGET}`, `bootstrap gui/${UID} ${plist}`]);
    expect(said).toEqual([
      `wrote: ${plist}`,
      `loaded in launchd, domain gui/${UID}`,
      'starts when you log in; to start at boot without a login: sudo rasen service install --system USER',
    ]);

    const pid = pidOf(TARGET)!;
    expect(instance.pid()).toBe(pid);
    const environ = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    for (const line of [`PATH=${PATH}`, 'RASEN_SERVICE=user', `RASEN_HOME=${instance.home}`])
      expect(environ).toContain(line);
    const proc = readFileSync(`/proc/${pid}/status`, 'utf8');
    expect(/^Umask:\s*(\d+)/m.exec(proc)?.[1]).toBe('0027');

    expect(await manager().status(request())).toEqual({
      installed: true,
      at_boot: false,
      running: true,
      pid,
      state: `running (gui/${UID})`,
      since: null,
      said: null,
      problem: null,
      cannot_start: false,
      outdated: [],
    });
    await manager().install(request(), report);
    expect(mac.changes()).toEqual([`enable ${TARGET}`]);
    expect(pidOf(TARGET)).toBe(pid);
  });

  test('is loaded anew when its file changes, and restarted when only the version does', async () => {
    await manager().install(request(), report);
    const first = pidOf(TARGET);
    mac.changes();
    await manager().install(request({ umask: '022' }), report);
    expect(mac.changes()).toEqual([`enable ${TARGET}`, `bootout ${TARGET}`, `bootstrap gui/${UID} ${plist}`]);
    const second = pidOf(TARGET)!;
    expect(second).not.toBe(first);

    const probe = async (socket: string) => {
      const answer = await sameVersion(socket);
      return answer && { ...answer, version: answer.pid === second ? '0.0.1' : VERSION };
    };
    await manager({ probe }).install(request({ umask: '022' }), report);
    expect(mac.changes()).toEqual([`enable ${TARGET}`, `kickstart -k ${TARGET}`]);
    expect(pidOf(TARGET)).not.toBe(second);
    expect(said.at(-2)).toBe(`restarted as version ${VERSION}; tasks go on`);
  });

  test('goes to the user’s other domain over ssh, and moves to the desk later', async () => {
    mac.domains([`user/${UID}`]);
    await manager().install(request(), report);
    const ssh = `user/${UID}/${LABEL}`;
    expect(Object.keys(mac.jobs())).toEqual([ssh]);
    await manager().restart(request(), report);
    mac.changes();

    mac.domains([`gui/${UID}`, `user/${UID}`]);
    expect((await manager().status(request())).state).toBe(`running (user/${UID})`);
    await manager().install(request(), report);
    expect(mac.changes()).toEqual([`enable ${TARGET}`, `bootout ${ssh}`, `bootstrap gui/${UID} ${plist}`]);
    expect(Object.keys(mac.jobs())).toEqual([TARGET]);
  });

  test('leaves a running task alone when it restarts', async () => {
    await manager().install(request(), report);
    const go = join(instance.folder, 'launchd', 'go');
    const work = `until [ -e '${go}' ]; do sleep 0.05; done; echo done`;
    const { stdout, stderr, status } = instance.rasen([
      'run',
      '--background',
      '--json',
      '--',
      'sh',
      '-c',
      work,
    ]);
    expect({ stderr, status }).toMatchObject({ status: 0 });
    const { id } = JSON.parse(stdout) as { id: string };
    const attempts = () =>
      readdirSync(join(instance.home, 'tasks', id), { recursive: true, encoding: 'utf8' }).filter(name =>
        name.endsWith('/claim'),
      );
    await until('the attempt runs', () => attempts().length === 1);
    const before = pidOf(TARGET);
    await manager().restart(request(), report);
    expect(pidOf(TARGET)).not.toBe(before);
    writeFileSync(go, '');
    await until('the task is completed', async () => {
      const task = await instance.call<{ status: string }>('task.get', { task: id });
      return task.status === 'completed';
    });
    expect(attempts().length).toBe(1);
  });

  test('stops, tasks first, stays away, and starts again', async () => {
    await manager().install(request(), report);
    const pid = pidOf(TARGET)!;
    await manager().stop(request(), report);
    expect(stopped).toEqual([pid]);
    expect(mac.jobs()).toEqual({});
    expect(await manager().status(request())).toMatchObject({
      installed: true,
      running: false,
      pid: null,
      state: 'not loaded',
    });
    await manager().stop(request(), report);
    expect(stopped).toEqual([pid]);

    await manager().start(request(), report);
    const again = pidOf(TARGET)!;
    await manager().start(request(), report);
    expect(pidOf(TARGET)).toBe(again);
    expect(said.at(-1)).toBe('rasend runs');
    // It has ended and launchd has not started it again yet.
    process.kill(again, 'SIGKILL');
    await until('it is gone', async () => !(await manager().status(request())).running);
    expect((await manager().status(request())).state).toBe(
      `spawn scheduled (gui/${UID}), last exit 69: EX_UNAVAILABLE`,
    );
    await manager().start(request(), report);
    expect(pidOf(TARGET)).not.toBe(again);
  });

  test('stops its tasks with it, and they go on when it starts again', async () => {
    const mine = manager({ suspendTasks: ({ paths }, tell) => suspendTasks(paths, tell) });
    await mine.install(request(), report);
    const go = join(instance.folder, 'launchd', 'go');
    const work = `until [ -e '${go}' ]; do sleep 0.05; done`;
    const { stdout } = instance.rasen(['run', '--background', '--json', '--', 'sh', '-c', work]);
    const { id } = JSON.parse(stdout) as { id: string };
    await until('the attempt runs', () =>
      marked(instance.home).some(({ command }) => command.startsWith('sh -c')),
    );
    await mine.stop(request(), report);
    expect(said).toContain('ending what runs (1); it goes on at the next start');
    expect(marked(instance.home)).toEqual([]);
    writeFileSync(go, '');
    await mine.start(request(), report);
    await until('the task is completed', async () => {
      const task = await instance.call<{ status: string }>('task.get', { task: id });
      return task.status === 'completed';
    });
  });

  test('leaves nothing when it is uninstalled, also when somebody had disabled it', async () => {
    // Folders that macOS makes for every user.
    for (const folder of ['LaunchAgents', 'Logs'])
      mkdirSync(join(instance.folder, 'Library', folder), { recursive: true });
    const before = tree();
    await manager().install(request(), report);
    expect(tree()).not.toEqual(before);
    mac.disable(LABEL);
    expect((await manager().status(request())).state).toBe(`running (gui/${UID}), disabled`);
    await manager().uninstall(request(), report);
    expect(stopped.length).toBe(1);
    expect(mac.jobs()).toEqual({});
    expect(mac.disabled()).toEqual([]);
    expect(tree()).toEqual(before);
    expect(existsSync(join(instance.home, 'tasks'))).toBe(true);

    await manager().uninstall(request(), report);
    await expect(manager().start(request(), report)).rejects.toMatchObject({
      kind: 'service',
      message: `rasend is not installed: ${plist} is not there.`,
      hint: 'Install it: rasen service install',
    });
  });

  test('tells its program, and leaves a file that somebody else has put in its place', async () => {
    await manager().install(request(), report);
    expect(manager().program(request())).toBe(RASEND);
    const theirs = readFileSync(plist, 'utf8').replace('rasen service install', 'another hand');
    writeFileSync(plist, theirs);
    await manager().uninstall(request(), report);
    expect(readFileSync(plist, 'utf8')).toBe(theirs);
    expect(said).toContain(`left: ${plist} was not written by rasen`);
  });

  test('that somebody had disabled is enabled by installing', async () => {
    mac.disable(LABEL);
    await manager().install(request(), report);
    expect(mac.disabled()).toEqual([]);
    expect(pidOf(TARGET)).toBeGreaterThan(0);
  });

  test('is outdated when its file is of another version, not when PATH has changed since', async () => {
    await manager().install(request(), report);
    expect((await manager().status(request({ path: '/bin' }))).outdated).toEqual([]);
    expect((await manager().status(request({ launcher: '/elsewhere/rasend' }))).outdated).toEqual([plist]);
  });
});

describe.skipIf(!hasPython || process.platform !== 'linux')(
  'an installation that fails (needs python3)',
  () => {
    const refused: [number, string] = [5, 'Bootstrap failed: 5: Input/output error'];

    test('leaves nothing, and says what to look at', async () => {
      const before = tree();
      mac.faults({ bootstrap: [refused] });
      await expect(manager().install(request(), report)).rejects.toMatchObject({
        kind: 'service',
        message: `launchctl bootstrap ${TARGET} failed: Bootstrap failed: 5: Input/output error.`,
        hint: expect.stringContaining(`plutil -lint ${plist}`),
      });
      expect(mac.jobs()).toEqual({});
      expect(tree()).toEqual(before);
    });

    test('leaves the one before as it was, file and job', async () => {
      await manager().install(request(), report);
      const [text, first] = [readFileSync(plist, 'utf8'), pidOf(TARGET)];
      mac.changes();
      mac.faults({ bootstrap: [[122, 'Bootstrap failed: 122: Disk quota exceeded']] });
      await expect(manager().install(request({ umask: '077' }), report)).rejects.toMatchObject({
        message: expect.stringContaining('Disk quota exceeded'),
      });
      expect(readFileSync(plist, 'utf8')).toBe(text);
      const again = pidOf(TARGET)!;
      expect(again).not.toBe(first);
      await until('the old one answers again', () => instance.pid() === again);
      expect((await manager().status(request())).outdated).toEqual([]);
    });

    test('because rasend does not start quotes what it said, and unloads it', async () => {
      const before = tree();
      const broken = launcher('echo "rasen: no Node runtime found" >&2; exit 69');
      await expect(
        manager({ answer_ms: 1500 }).install(request({ launcher: broken }), report),
      ).rejects.toMatchObject({
        kind: 'service',
        message: expect.stringMatching(
          /does not answer on .* Its last exit code was 69: EX_UNAVAILABLE\.\n {2}rasen: no Node runtime found$/,
        ),
      });
      expect(mac.jobs()).toEqual({});
      expect(tree()).toEqual(before);
    });

    test('because somebody else answers is not taken for one that went well', async () => {
      const probe = async () => ({ pid: process.pid, version: VERSION });
      await expect(manager({ probe, answer_ms: 500 }).install(request(), report)).rejects.toMatchObject({
        kind: 'service',
        message: expect.stringContaining('its rasend does not answer'),
      });
      expect(mac.jobs()).toEqual({});
    });

    test('because there is no launchctl says so before anything is written', async () => {
      const before = tree();
      await expect(
        manager({ launchctl: '/nowhere/launchctl' }).install(request(), report),
      ).rejects.toMatchObject({ kind: 'service', message: expect.stringContaining('/nowhere/launchctl') });
      expect(tree()).toEqual(before);
    });
  },
);

describe.skipIf(!hasPython || process.platform !== 'linux')('a rival (needs python3)', () => {
  test('that was started without a service is ended, and its work taken over', async () => {
    await instance.start();
    const { pid } = instance.daemon!;
    // One of the user's is ended, and that is who runs this test.
    await manager({ uid: 0 }).install(daemon(), report);
    expect(said[1]).toBe(
      `ending the detached supervisor (PID ${pid}); its tasks go on, the service takes them over`,
    );
    expect(instance.daemon!.exitCode).toBe(0);
    expect(instance.pid()).toBe(pidOf(`system/${LABEL}.alice`));
  });

  test.runIf(process.getuid!() === 0)('that is no process of the user is left alone', async () => {
    await instance.start();
    const { pid } = instance.daemon!;
    await expect(manager({ answer_ms: 500 }).install(request(), report)).rejects.toMatchObject({
      kind: 'service',
    });
    expect(instance.pid()).toBe(pid);
    expect(instance.daemon!.exitCode).toBeNull();
  });

  test('of the other kind, or of another RASEN_HOME, is refused and stays', async () => {
    await manager().install(request(), report);
    mac.changes();
    const other = request({ rasen_home: '/elsewhere', paths: instancePaths({ RASEN_HOME: '/elsewhere' }) });
    for (const verb of ['install', 'uninstall'] as const)
      await expect(manager()[verb](other, report)).rejects.toMatchObject({
        kind: 'service',
        message: `The service is that of another instance of rasen; see RASEN_HOME in ${plist}.`,
      });
    await expect(manager({ uid: 0 }).install(daemon(), report)).rejects.toMatchObject({
      kind: 'service',
      message: 'alice has rasend as a service of their own already.',
    });
    expect(mac.changes()).toEqual([]);
    await manager().uninstall(request(), report);
    await manager({ uid: 0 }).install(daemon(), report);
    await expect(manager().install(request(), report)).rejects.toMatchObject({
      message: 'rasend is a service of the system for alice already.',
    });
  });
});

describe.skipIf(!hasPython || process.platform !== 'linux')(
  'a launchd that misbehaves (needs python3)',
  () => {
    const BUSY: [number, string] = [5, 'Bootstrap failed: 5: Input/output error'];

    test('refuses for a while to load what it has just unloaded: it is asked again; a first refusal is an error', async () => {
      mac.faults({ bootstrap: [BUSY] });
      await expect(manager().install(request(), report)).rejects.toMatchObject({
        message: expect.stringContaining('5: Input/output error'),
      });
      await manager().install(request(), report);
      mac.faults({ bootstrap: [BUSY, [37, 'Bootstrap failed: 37: Operation already in progress']] });
      mac.changes();
      await manager().install(request({ umask: '022' }), report);
      expect(mac.changes().filter(call => call.startsWith('bootstrap'))).toHaveLength(3);
      expect(await manager().status(request())).toMatchObject({ running: true, outdated: [] });
    });

    test('loads a job and does not start it: it is started', async () => {
      mac.lazy();
      await manager({ spawn_ms: 100 }).install(request(), report);
      expect(mac.changes().at(-1)).toBe(`kickstart ${TARGET}`);
      expect(await manager().status(request())).toMatchObject({ running: true });
    });

    test('has the job in both domains: the one whose process runs counts', async () => {
      await manager().install(request(), report);
      const [target] = Object.keys(mac.jobs());
      const pid = pidOf(target!)!;
      mac.load(`user/${UID}/${LABEL}`, plist, pid);
      mac.load(TARGET, plist, 0);
      expect(await manager().status(request())).toMatchObject({
        running: true,
        pid,
        state: `running (user/${UID})`,
      });
      mac.changes();
      await manager().restart(request(), report);
      expect(mac.changes()).toEqual([`kickstart -k user/${UID}/${LABEL}`]);
    });

    test('puts off a program that ends again and again: that is told at once, with its last words, and undone', async () => {
      const failing = launcher('echo the disk is on fire >&2; exit 69');
      const error = await manager({ spawn_ms: 100 })
        .install(request({ launcher: failing }), report)
        .catch(e => e);
      expect(error).toMatchObject({ kind: 'service' });
      expect(error.message).toMatch(/launchd tries again every 10 s.*69.*\n {2}the disk is on fire/s);
      expect(mac.jobs()).toEqual({});
    });

    test('could not open logs that sudo has left to root: they are put aside', async () => {
      const logs = join(instance.folder, 'Library/Logs/rasen');
      mkdirSync(join(instance.folder, 'Library/Logs'), { recursive: true });
      writeFileSync(logs, 'not a folder');
      await manager().install(request(), report);
      expect(readdirSync(logs).sort()).toEqual(['rasend.err.log', 'rasend.out.log']);
      expect(readdirSync(join(logs, '..')).filter(name => name.startsWith('rasen.unusable-'))).toHaveLength(
        1,
      );
    });

    test('has the job of Homebrew: it is shown, and no verb acts against it', async () => {
      const homebrews = join(instance.folder, 'Library/LaunchAgents/homebrew.mxcl.rasen.plist');
      mkdirSync(join(homebrews, '..'), { recursive: true });
      writeFileSync(homebrews, '');
      mac.load(`gui/${UID}/homebrew.mxcl.rasen`, homebrews, process.ppid);
      expect(await manager().status(request())).toMatchObject({
        installed: true,
        running: true,
        pid: process.ppid,
        state: `running (gui/${UID}), of Homebrew`,
      });
      for (const verb of ['start', 'stop', 'restart'] as const)
        await expect(manager()[verb](request(), report)).rejects.toMatchObject({
          kind: 'service',
          hint: `Let Homebrew ${verb} it: brew services ${verb} rasen`,
        });
      await expect(manager().install(request(), report)).rejects.toMatchObject({
        hint: 'Use it as it is, or remove it first: brew services stop rasen',
      });
      expect(mac.changes()).toEqual([]);
      mac.load(`gui/${UID}/homebrew.mxcl.rasen`, homebrews, 0);
    });
  },
);

describe.skipIf(!hasPython || process.platform !== 'linux')('a daemon (needs python3)', () => {
  test('is root’s, runs for the user from boot on, and leaves nothing', async () => {
    const before = tree();
    const root = manager({ uid: 0 });
    await root.install(daemon(), report);
    const file = join(instance.folder, 'Library/LaunchDaemons', `${LABEL}.alice.plist`);
    expect(mac.changes()).toEqual([`enable system/${LABEL}.alice`, `bootstrap system ${file}`]);
    expect(said.at(-1)).toBe('starts at boot');
    const pid = pidOf(`system/${LABEL}.alice`)!;
    const environ = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    for (const line of [`HOME=${instance.folder}`, 'USER=alice', 'LOGNAME=alice', 'RASEN_SERVICE=system'])
      expect(environ).toContain(line);
    expect(await root.status(daemon())).toMatchObject({ at_boot: true, running: true, pid });

    await root.uninstall(daemon(), report);
    expect(mac.jobs()).toEqual({});
    expect(tree().filter(name => !/^Library(\/(LaunchDaemons|Logs))?$/.test(name))).toEqual(before);
  });

  test('and an agent are each refused to those who cannot own them', async () => {
    const before = tree();
    for (const verb of ['install', 'uninstall'] as const) {
      await expect(manager()[verb](daemon(), report)).rejects.toMatchObject({
        kind: 'usage',
        message: 'A LaunchDaemon belongs to root.',
      });
      await expect(manager({ uid: 0 })[verb](request(), report)).rejects.toMatchObject({
        kind: 'usage',
        message: 'The LaunchAgent of alice is for alice alone to install.',
      });
    }
    expect(tree()).toEqual(before);
    expect(mac.changes()).toEqual([]);
  });

  test('the gateway is a job of its own: a real one answers, is started again, and goes alone', async () => {
    const one = manager();
    await one.install(request(), report);
    const port = await freePort();
    const address = `127.0.0.1:${port}`;
    await one.gateway.install(request(), address, report);
    const answers = async () => (await fetch(`http://${address}/livez`)).text();
    expect(await answers()).toBe('ok\n');
    const status = await one.gateway.status(request());
    expect(status).toMatchObject({ url: `http://${address}`, running: true, problem: null, outdated: [] });
    await one.gateway.restart(request());
    await until('another gateway answers', async () => {
      const now = await one.gateway.status(request());
      return now?.pid && now.pid !== status?.pid && (await answers().catch(() => null));
    });
    await one.gateway.stop(request());
    await expect(answers()).rejects.toThrow();
    await one.gateway.start(request());
    await until('the gateway is back', () => answers().catch(() => null));
    await one.gateway.uninstall(request(), report);
    await expect(answers()).rejects.toThrow();
    expect(await one.gateway.status(request())).toBeNull();
    expect(tree().filter(path => /gateway\.(plist|out|err)/.test(path))).toEqual([]);
    expect((await one.status(request())).running).toBe(true);
  });

  test('a gateway whose port is taken is not installed, and rasend stays', async () => {
    const one = manager({ answer_ms: 3000 });
    await one.install(request(), report);
    const other = createServer();
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const error = await one.gateway.install(request(), `127.0.0.1:${port}`, report).catch(e => e);
    other.close();
    expect(error).toMatchObject({ kind: 'service', message: expect.stringContaining('Cannot listen on') });
    expect(error.hint).toContain('rasend runs');
    expect(one.gateway.address(request())).toBeNull();
    expect((await one.status(request())).running).toBe(true);
  });
});
