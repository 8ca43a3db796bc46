/** Where the socket lives: modes, what may be there before, what is removed and what never. */
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { MAX_SOCKET_PATH_BYTES } from '../../../src/paths.ts';
import { LIMITS } from '../../../src/rpc/limits.ts';
import { takeInstanceLock } from '../../../src/rpc/lock.ts';
import { listenPath } from '../../../src/rpc/transport.ts';
import {
  atEnd,
  expectAlive,
  filesOf,
  newClient,
  newPaths,
  newServer,
  pathsIn,
  until,
} from '../../support/rpc-rig.ts';

const mode = (path: string) => (lstatSync(path).mode & 0o777).toString(8);

/** A listener that is not rasen's. */
async function foreignListener(path: string) {
  const connections: unknown[] = [];
  const server = createServer(socket => {
    connections.push(socket);
    socket.on('error', () => {}).destroy();
  });
  await new Promise<void>(resolve => server.listen(path, resolve));
  atEnd(() => server.close());
  return { server, connections };
}

describe('modes', () => {
  it('1 · folder 0700, socket 0600, lock and pid file 0600 whatever the umask, which is restored', async () => {
    for (const umask of [0o000, 0o022, 0o077]) {
      const before = process.umask(umask);
      atEnd(() => process.umask(before));
      const { paths, server } = await newServer();
      expect(process.umask(before)).toBe(umask);
      expect(mode(paths.runtime)).toBe('700');
      expect(mode(paths.socket)).toBe('600');
      expect(mode(paths.lock)).toBe('600');
      expect(mode(paths.pid)).toBe('600');
      expect(readFileSync(paths.pid, 'utf8')).toBe(`${process.pid}\n`);
      await server.close();
      expect(filesOf(paths)).toEqual(['rasend.lock']);
    }
  });
});

describe('the pid file', () => {
  /** The first that is seen of each name in the folder, in order. */
  const seenIn = (folder: string) => {
    const seen = new Set<string>();
    const watcher = watch(folder, (_, name) => name !== null && seen.add(name));
    atEnd(() => watcher.close());
    return seen;
  };

  it('is there before the socket, so that whoever was answered knows of a kill', async () => {
    const paths = newPaths();
    mkdirSync(paths.runtime, { mode: 0o700 });
    const seen = seenIn(paths.runtime);
    await newServer({ paths });
    await until(() => seen.has('rasend.sock') && seen.has('rasend.pid'), 'both');
    const names = [...seen];
    expect(names.indexOf('rasend.pid')).toBeLessThan(names.indexOf('rasend.sock'));
  });

  it('of one that was killed stays when the next cannot start; else none is left', async () => {
    for (const killed of [true, false]) {
      const paths = newPaths();
      mkdirSync(paths.runtime, { mode: 0o700 });
      if (killed) writeFileSync(paths.pid, '4194304\n');
      mkdirSync(paths.socket);
      await expect(newServer({ paths })).rejects.toMatchObject({ kind: 'socket_in_use' });
      expect(existsSync(paths.pid)).toBe(killed);
    }
  });
});

describe('another supervisor', () => {
  it('2 · a second server of the instance is refused and told the pid of the holder', async () => {
    const { paths } = await newServer();
    await expect(newServer({ paths })).rejects.toMatchObject({
      kind: 'already_running',
      message: expect.stringContaining(`(pid ${process.pid})`),
      data: { pid: process.pid, lock: paths.lock },
    });
    await expectAlive(newClient(paths));
  });

  it('2 · a lock that the caller took is used, and left to the caller', async () => {
    const paths = newPaths();
    mkdirSync(paths.runtime, { mode: 0o700 });
    const instance_lock = takeInstanceLock(paths.lock);
    atEnd(() => instance_lock.release());
    const { server } = await newServer({ paths, instance_lock });
    await server.close();
    expect(() => takeInstanceLock(paths.lock)).toThrow('running already');
    instance_lock.release();
    takeInstanceLock(paths.lock).release();
  });
});

describe('what is there before', () => {
  const refused = async (paths: ReturnType<typeof newPaths>, kind: string, text: string) => {
    await expect(newServer({ paths })).rejects.toMatchObject({
      kind,
      message: expect.stringContaining(text),
      hint: expect.any(String),
    });
  };

  it('6 · a regular file, a symlink and a folder at the path are refused and stay', async () => {
    const paths = newPaths();
    mkdirSync(paths.runtime, { mode: 0o700 });
    writeFileSync(paths.socket, 'precious');
    await refused(paths, 'socket_in_use', 'is not a socket');
    expect(readFileSync(paths.socket, 'utf8')).toBe('precious');

    const elsewhere = join(paths.runtime, 'elsewhere');
    renameSync(paths.socket, elsewhere);
    symlinkSync(elsewhere, paths.socket);
    await refused(paths, 'socket_in_use', 'is not a socket');
    expect(lstatSync(paths.socket).isSymbolicLink()).toBe(true);
    expect(readFileSync(elsewhere, 'utf8')).toBe('precious');

    unlinkSync(paths.socket);
    mkdirSync(paths.socket);
    await refused(paths, 'socket_in_use', 'is not a socket');
    rmSync(paths.socket, { recursive: true });
    // Nothing is left locked by the failures.
    await newServer({ paths });
  });

  it('6 · a folder that is open to others, a symlink or a file is refused and not changed', async () => {
    for (const bits of ['755', '710', '701', '777']) {
      const paths = newPaths();
      mkdirSync(paths.runtime);
      chmodSync(paths.runtime, Number.parseInt(bits, 8));
      await refused(paths, 'socket_path', `its mode is ${bits}`);
      expect(mode(paths.runtime)).toBe(bits);
      expect(filesOf(paths)).toEqual([]);
    }
    const target = newPaths();
    mkdirSync(target.runtime, { mode: 0o700 });
    const link = newPaths();
    symlinkSync(target.runtime, link.runtime);
    await refused(link, 'socket_path', 'not a real folder');
    const file = newPaths();
    writeFileSync(file.runtime, '');
    await refused(file, 'socket_path', 'not a real folder');
  });

  it.skipIf(process.getuid?.() !== 0)('6 · a folder or socket of another user is refused', async () => {
    const paths = newPaths();
    mkdirSync(paths.runtime, { mode: 0o700 });
    chownSync(paths.runtime, 65_534, 65_534);
    await refused(paths, 'socket_path', 'belongs to uid 65534');
    chownSync(paths.runtime, 0, 0);
    await foreignListener(paths.socket);
    chownSync(paths.socket, 65_534, 65_534);
    await refused(paths, 'socket_in_use', 'belongs to uid 65534');
  });

  it('6 · a symlink as lock is refused', async () => {
    const paths = newPaths();
    mkdirSync(paths.runtime, { mode: 0o700 });
    symlinkSync('elsewhere', paths.lock);
    await refused(paths, 'socket_path', paths.lock);
    expect(existsSync(join(paths.runtime, 'elsewhere'))).toBe(false);
  });

  it('6 · a path of 103 bytes works, one of 104 is refused', async () => {
    expect(LIMITS.socket_path_bytes).toBe(MAX_SOCKET_PATH_BYTES);
    const base = mkdtempSync(join(tmpdir(), 'rasen-rpc-'));
    atEnd(() => rmSync(base, { recursive: true }));
    const socketBytes = '/rasend.sock'.length;
    const longest = join(base, 'x'.repeat(LIMITS.socket_path_bytes - socketBytes - base.length - 1));
    const { paths } = await newServer({ paths: pathsIn(longest) });
    expect(Buffer.byteLength(paths.socket)).toBe(103);
    await expectAlive(newClient(paths));
    await refused(pathsIn(`${longest}y`), 'socket_path', '104 bytes');
    expect(existsSync(`${longest}y`)).toBe(false);
    // Bytes, not characters.
    await refused(pathsIn(`${longest.slice(0, -1)}ü`), 'socket_path', '104 bytes');
  });

  it('9 · a living listener without our lock keeps its socket: socket_in_use', async () => {
    const paths = newPaths();
    mkdirSync(paths.runtime, { mode: 0o700 });
    const { connections } = await foreignListener(paths.socket);
    await refused(paths, 'socket_in_use', 'is answered by another program');
    expect(connections).toHaveLength(1);
    expect(lstatSync(paths.socket).isSocket()).toBe(true);
  });

  it('9 · EADDRINUSE of the bind itself surfaces', async () => {
    const paths = newPaths();
    mkdirSync(paths.runtime, { mode: 0o700 });
    await foreignListener(paths.socket);
    const options = { connections: 1, accept: () => undefined, dropped() {}, failed() {} };
    await expect(listenPath(paths.socket, options)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(listenPath(join(paths.runtime, 'no', 'folder'), options)).rejects.toMatchObject({
      code: 'EACCES',
    });
    expect(existsSync(join(paths.runtime, 'no'))).toBe(false);
    expect(process.umask()).not.toBe(0o177);
  });
});

describe('the path is lost', () => {
  const limits = { rebind_check_ms: 15 };

  it('7 · removed: bound again, with mode 0600; connections of before go on', async () => {
    const { paths, log } = await newServer({ limits });
    const old = newClient(paths);
    await expectAlive(old);
    for (let round = 0; round < 3; round++) {
      unlinkSync(paths.socket);
      await until(() => existsSync(paths.socket), 'a new socket');
      await expectAlive(newClient(paths));
      expect(mode(paths.socket)).toBe('600');
    }
    await expectAlive(old);
    await until(() => log.lines.filter(line => line.message.includes('bound again')).length === 3);
  });

  it('7 · the whole folder removed: made and locked again', async () => {
    const { paths, server } = await newServer({ limits });
    rmSync(paths.runtime, { recursive: true });
    await until(() => existsSync(paths.pid), 'a new folder');
    expect(mode(paths.runtime)).toBe('700');
    await expectAlive(newClient(paths));
    await expect(newServer({ paths })).rejects.toMatchObject({ kind: 'already_running' });
    await server.close();
    expect(filesOf(paths)).toEqual(['rasend.lock']);
  });

  it('7 · replaced by a dead socket: bound again', async () => {
    const { paths, log } = await newServer({ limits });
    const other = newPaths();
    mkdirSync(other.runtime, { mode: 0o700 });
    const { server } = await foreignListener(other.socket);
    renameSync(other.socket, paths.socket);
    server.close();
    await until(() => log.lines.some(line => line.message.includes('bound again')));
    await expectAlive(newClient(paths));
  });

  it('7 · replaced by a file or a living socket: that stays, the problem is logged once, and bound when it is gone', async () => {
    for (const kind of ['file', 'folder', 'socket']) {
      const { paths, log, server } = await newServer({ limits });
      const client = newClient(paths);
      await expectAlive(client);
      unlinkSync(paths.socket);
      if (kind === 'file') writeFileSync(paths.socket, 'precious');
      else if (kind === 'folder') mkdirSync(paths.socket);
      else await foreignListener(paths.socket);
      const there = statSync(paths.socket).ino;
      const problems = () => log.lines.filter(line => line.level === 'error');
      await until(() => problems().length > 0, 'the problem');
      await sleep(60);
      expect(problems()).toHaveLength(1);
      expect(statSync(paths.socket).ino).toBe(there);
      await expectAlive(client);
      rmSync(paths.socket, { recursive: true });
      await until(() => existsSync(paths.socket));
      await expectAlive(newClient(paths));
      await server.close();
    }
  });

  it('8 · a server that stops does not delete a socket that is not its own any more', async () => {
    const { paths, server } = await newServer({ limits: { rebind_check_ms: 60_000 } });
    // As if somebody had removed lock and socket: another server of the same instance.
    unlinkSync(paths.lock);
    unlinkSync(paths.socket);
    const second = await newServer({ paths, limits });
    const { ino } = statSync(paths.socket);
    await server.close();
    expect(statSync(paths.socket).ino).toBe(ino);
    await expectAlive(newClient(paths));
    await second.server.close();
    expect(filesOf(paths)).toEqual(['rasend.lock']);
  });

  it('8 · a server that lost lock and path to another one says so and leaves both alone', async () => {
    const lost: unknown[] = [];
    const { paths, log } = await newServer({ limits, lost: error => lost.push(error.kind) });
    const other = newPaths();
    rmSync(other.runtime, { recursive: true, force: true });
    // Both at once, so that the first has no chance to take the place again.
    const second = await newServer({ paths: other });
    renameSync(other.lock, paths.lock);
    renameSync(other.socket, paths.socket);
    await until(() => lost.length > 0);
    await sleep(60);
    expect(lost).toEqual(['already_running']);
    expect(log.lines.filter(line => line.level === 'error')).toHaveLength(1);
    expect(second.server.connections).toBe(0);
    await expectAlive(newClient(paths));
    expect(second.seen.bumps).toBe(0);
    expect(second.server.connections).toBe(1);
  });
});
