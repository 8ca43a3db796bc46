/** The control socket with servers and clients in processes of their own. Numbers: the checklist of the design. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { describe, expect, it } from 'vitest';
import { connect } from '../../src/rpc/client.ts';
import {
  atEnd,
  type Daemon,
  expectAlive,
  filesOf,
  type Json,
  newClient,
  newDaemon,
  newPaths,
  RawClient,
  type RpcPaths,
  readyDaemon,
  until,
} from '../support/rpc-rig.ts';

const MIB = 1024 * 1024;
const request = (id: unknown, method: string, params?: unknown) => ({ jsonrpc: '2.0', id, method, params });

async function ask<T>(paths: RpcPaths, method: string, params?: unknown): Promise<T> {
  const client = await connect(paths.socket);
  try {
    return await client.call<T>(method, params);
  } finally {
    client.close();
  }
}

const memory = (paths: RpcPaths) => ask<{ rss: number; cpu_us: number }>(paths, 'memory');

async function kill(daemon: Daemon): Promise<void> {
  daemon.child.kill('SIGKILL');
  await daemon.exited;
}

const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

describe('one supervisor', () => {
  it('1 · files that the server makes later have the umask of the process again', async () => {
    const { paths } = await readyDaemon();
    await ask(paths, 'make_file');
    expect(lstatSync(`${paths.runtime}/made`).mode & 0o777).toBe(0o666 & ~process.umask());
    expect(lstatSync(paths.socket).mode & 0o777).toBe(0o600);
    expect(lstatSync(paths.runtime).mode & 0o777).toBe(0o700);
  });

  it('2 · a second daemon is refused and told the pid of the first', async () => {
    const first = await readyDaemon();
    const second = newDaemon(first.paths);
    expect((await second.started).error).toMatchObject({
      kind: 'already_running',
      message: expect.stringContaining(`pid ${first.pid}`),
      data: { pid: first.pid },
    });
    expect((await second.exited).code).toBe(0);
    expect(await ask(first.paths, 'bump')).toBe(1);
  });

  it('3 · after kill -9 the next daemon takes the place over', async () => {
    const first = await readyDaemon();
    const { paths } = first;
    await kill(first);
    expect(filesOf(paths)).toEqual(['rasend.lock', 'rasend.pid', 'rasend.sock']);
    await expect(connect(paths.socket)).rejects.toMatchObject({ kind: 'unreachable' });
    const second = await readyDaemon(paths);
    expect(await ask(paths, 'bump')).toBe(1);
    expect(readFileSync(paths.pid, 'utf8')).toBe(`${second.pid}\n`);
    expect(Number.parseInt(readFileSync(paths.lock, 'utf8'), 10)).toBe(second.pid);
  });

  it('4 · of many daemons that race for a stale socket exactly one wins, and is named', async () => {
    const dead = await readyDaemon();
    const { paths } = dead;
    await kill(dead);
    const daemons = Array.from({ length: 8 }, () => newDaemon(paths));
    const outcomes = await Promise.all(daemons.map(daemon => daemon.started));
    const winners = daemons.filter((_, n) => outcomes[n]!.ready);
    expect(winners).toHaveLength(1);
    for (const { error } of outcomes.filter(outcome => !outcome.ready)) {
      expect(error!.kind).toBe('already_running');
      expect([winners[0]!.pid, undefined]).toContain(error!.data.pid);
    }
    expect(await ask(paths, 'bump')).toBe(1);
    expect(readFileSync(paths.pid, 'utf8')).toBe(`${winners[0]!.pid}\n`);
  });

  it('5 · a child that outlives the daemon does not hold its lock or socket', async () => {
    const first = await readyDaemon();
    const child = await ask<number>(first.paths, 'spawn');
    atEnd(() => process.kill(child, 'SIGKILL'));
    await kill(first);
    process.kill(child, 0);
    await readyDaemon(first.paths);
    process.kill(child, 0);
    expect(await ask(first.paths, 'bump')).toBe(1);
  });

  it('8 · stopping removes socket and pid file, and a daemon that is started at once keeps its own', async () => {
    const { child, exited, paths } = await readyDaemon();
    for (let round = 0; round < 3; round++) {
      const old = round === 0 ? { child, exited } : await readyDaemon(paths);
      const { ino } = statSync(paths.socket);
      old.child.kill('SIGTERM');
      await until(() => statSync(paths.socket, { throwIfNoEntry: false })?.ino !== ino);
      await until(async () => {
        const next = newDaemon(paths);
        const { ready } = await next.started;
        if (ready) expect((await old.exited).code).toBe(0);
        if (ready) expect(await ask(paths, 'bump')).toBe(1);
        if (ready) next.child.kill('SIGTERM');
        await next.exited;
        return ready;
      });
      expect(filesOf(paths)).toEqual(['rasend.lock']);
    }
  });
});

describe('bounded', () => {
  it('10 · 100 MB without newline: an error line soon, bounded memory and CPU', async () => {
    const { paths } = await readyDaemon();
    const before = await memory(paths);
    const client = newClient(paths);
    const chunk = Buffer.alloc(64 * 1024, 0x78);
    let sent = 0;
    while (sent < 100 * MIB && !client.closed) {
      if (!client.socket.write(chunk)) await until(() => client.socket.writableLength === 0 || client.closed);
      sent += chunk.length;
    }
    await client.whenClosed();
    expect(client.lines).toMatchObject([{ id: null, error: { code: 10 } }]);
    expect(sent).toBeLessThan(10 * MIB);
    const after = await memory(paths);
    expect(after.rss - before.rss).toBeLessThan(40 * MIB);
    expect(after.cpu_us - before.cpu_us).toBeLessThan(2_000_000);
  });

  it('16 · a reader that stops on an endless stream: memory stays flat, then it is closed', async () => {
    const { paths, stderr } = await readyDaemon(newPaths(), { limits: { stall_ms: 1500 } });
    const before = await memory(paths);
    const readers = Array.from({ length: 10 }, () => newClient(paths));
    for (const reader of readers) {
      reader.socket.pause();
      reader.request(1, 'flood', { record_bytes: 50_000 });
    }
    let most = 0;
    await until(async () => {
      most = Math.max(most, (await memory(paths)).rss - before.rss);
      return stderr().split('does not read').length === 11;
    }, 'ten closed readers');
    expect(most).toBeLessThan(60 * MIB);
    expect(await ask(paths, 'seen')).toMatchObject({ aborted: Array(10).fill('cancelled') });
  });

  it('16 · 200 MB of pipelined requests by a client that never reads: the server stops reading', async () => {
    const { paths, stderr } = await readyDaemon(newPaths(), { limits: { stall_ms: 1500 } });
    const before = await memory(paths);
    const client = newClient(paths);
    client.socket.pause();
    const line = `${JSON.stringify(request(1, 'echo', ['x'.repeat(100_000)]))}\n`;
    let taken = 0;
    let highest = 0;
    while (taken < 200 * MIB && !client.socket.destroyed) {
      if (!client.socket.write(line)) {
        const drained = await until(
          () => client.socket.writableLength === 0 || client.socket.destroyed,
          'drain',
          1000,
        )
          .then(() => true)
          .catch(() => false);
        highest = Math.max(highest, (await memory(paths)).rss);
        if (!drained) break;
      }
      taken += line.length;
    }
    expect(taken).toBeLessThan(20 * MIB);
    expect(highest - before.rss).toBeLessThan(60 * MIB);
    await until(() => stderr().includes('does not read'), 'the stall');
  });

  it('14 · 300 abrupt disconnects leave nothing behind', async () => {
    const { paths } = await readyDaemon();
    for (let n = 0; n < 60; n++) await ask(paths, 'echo', {});
    const before = await memory(paths);
    for (let round = 0; round < 10; round++) {
      const clients = Array.from({ length: 30 }, () => newClient(paths));
      for (const client of clients) client.send(request(1, 'hang'), request(2, 'echo', ['x'.repeat(50_000)]));
      await Promise.all(clients.map(client => client.answer(2)));
      for (const client of clients) client.write('{"half');
      for (const client of clients) client.socket.destroy();
    }
    await until(async () => (await ask<{ running: number }>(paths, 'seen')).running === 0);
    expect((await memory(paths)).rss - before.rss).toBeLessThan(60 * MIB);
    if (process.platform === 'linux') {
      const pid = Number.parseInt(readFileSync(paths.pid, 'utf8'), 10);
      const open = Number.parseInt(
        execFileSync('sh', ['-c', `ls /proc/${pid}/fd | wc -l`], { encoding: 'utf8' }),
        10,
      );
      expect(open).toBeLessThan(60);
    }
  });

  it('17 · a fast reader of a stream does not starve the others', async () => {
    const { paths } = await readyDaemon();
    const other = await connect(paths.socket);
    atEnd(() => other.close());
    const times = async () => {
      const all: number[] = [];
      for (let n = 0; n < 300; n++) {
        const start = performance.now();
        await other.call('echo', { n });
        all.push(performance.now() - start);
      }
      return all.sort((a, b) => a - b);
    };
    await times();
    // The reader is a process of its own, so that it is fast and does not delay this one.
    const reader = spawn(process.execPath, [
      '-e',
      `const s = require('node:net').connect(${JSON.stringify(paths.socket)});
       s.write('{"jsonrpc":"2.0","id":1,"method":"flood","params":{"record_bytes":2000}}\\n'); s.resume(); s.once('data', () => process.stdout.write('reads'));`,
    ]);
    const readerGone = new Promise(resolve => reader.once('close', resolve));
    atEnd(async () => {
      reader.kill('SIGKILL');
      await readerGone;
    });
    await once(reader.stdout, 'data');
    const during = await times();
    // Without yielding none of these came back at all before the stream had ended, which is never.
    expect(during).toHaveLength(300);
    expect(during[150]).toBeLessThan(200);
  });

  it('18 · 64 clients at once get only their own answers', async () => {
    const { paths } = await readyDaemon();
    const one = async (n: number) => {
      const client = await connect(paths.socket);
      const calls = Array.from({ length: 50 }, (_, m) => {
        const value = `${n}/${m}`;
        return client.call('later', { ms: (n + m) % 5, value }).then(answer => expect(answer).toBe(value));
      });
      await Promise.all(calls);
      client.close();
    };
    await Promise.all(Array.from({ length: 64 }, (_, n) => one(n)));
  });
});

describe('other programs', () => {
  const lines = `${JSON.stringify(request(1, 'echo', ['now']))}\n${JSON.stringify(request(2, 'later', { ms: 150, value: 'late' }))}\n`;
  const commands: [string, (path: string) => string[]][] = [
    ['socat', path => ['-t10', '-', `UNIX-CONNECT:${path}`]],
    ['nc', path => ['-N', '-U', path]],
    [
      'python3',
      path => [
        '-c',
        `import socket,sys
s=socket.socket(socket.AF_UNIX); s.connect(${JSON.stringify(path)})
s.sendall(sys.stdin.buffer.read()); s.shutdown(socket.SHUT_WR)
for line in s.makefile(): sys.stdout.write(line)`,
      ],
    ],
  ];

  for (const [program, args] of commands)
    it.skipIf(!has(program))(
      `15 · ${program} sends lines, closes its end, and gets the late answers`,
      async () => {
        const { paths } = await readyDaemon(newPaths(), { limits: { probe_ms: 50 } });
        const tool = spawn(program, args(paths.socket));
        let out = '';
        tool.stdout.on('data', chunk => {
          out += chunk;
        });
        const over = new Promise(resolve => tool.once('close', resolve));
        tool.stdin.end(lines);
        expect(await over).toBe(0);
        const answers = out
          .trim()
          .split('\n')
          .map(line => JSON.parse(line))
          .filter(line => line.id);
        expect(answers.map(line => line.result)).toEqual([['now'], 'late']);
      },
    );

  it('27 · the library writes nothing to stdout, whatever happens', async () => {
    const daemon = await readyDaemon(newPaths(), {
      limits: { connections: 3, first_frame_ms: 500, rebind_check_ms: 15 },
    });
    const { paths } = daemon;
    const client = newClient(paths);
    client.write('garbage\n');
    await expectAlive(client);
    const more = Array.from({ length: 5 }, () => newClient(paths));
    for (const silent of more) await silent.whenClosed();
    await ask(paths, 'bug').catch(() => {});
    rmSync(paths.socket);
    await until(async () => await ask(paths, 'bump').catch(() => undefined));
    daemon.child.kill('SIGTERM');
    expect((await daemon.exited).code).toBe(0);
    expect(daemon.stdout()).toBe('');
    expect(daemon.stderr()).toContain('too many connections');
  });
});

describe('a daemon that stops', () => {
  it('23 · SIGTERM flushes what was answered', async () => {
    const daemon = await readyDaemon();
    const client = newClient(daemon.paths);
    client.socket.pause();
    client.send(request(1, 'big', { bytes: 900_000 }), request(2, 'hang'));
    await until(async () => (await ask<{ running: number }>(daemon.paths, 'seen')).running === 1);
    daemon.child.kill('SIGTERM');
    await until(() => !existsSync(daemon.paths.socket));
    client.socket.resume();
    expect((await daemon.exited).code).toBe(0);
    await client.whenClosed();
    expect((await client.answer(1)).result).toHaveLength(900_000);
    expect((await client.answer(2)).error.code).toBe(14);
  });

  it('23 · a client that does not read delays it only by the grace', async () => {
    const daemon = await readyDaemon(newPaths(), { grace_ms: 100 });
    const client = newClient(daemon.paths);
    client.socket.pause();
    client.request(1, 'big', { bytes: 5_000_000 });
    await until(async () => (await memory(daemon.paths)).rss > 0);
    daemon.child.kill('SIGTERM');
    expect((await daemon.exited).code).toBe(0);
    expect(filesOf(daemon.paths)).toEqual(['rasend.lock']);
  });
});

describe('socket activation', () => {
  /** Plays the service manager: holds the listening socket and hands it to daemons as fd 3. */
  async function manager(paths: RpcPaths) {
    mkdirSync(paths.runtime, { mode: 0o700 });
    const server: Server = createServer({ pauseOnConnect: true }, socket => socket.destroy());
    await new Promise<void>(resolve => server.listen(paths.socket, resolve));
    const handle = (server as unknown as { _handle: { fd: number; unref(): void } })._handle;
    atEnd(() => server.close());
    return handle.fd;
  }

  it.skipIf(!has('systemd-socket-activate'))(
    '25 · fd 3 of systemd-socket-activate is accepted on',
    async () => {
      const paths = newPaths();
      mkdirSync(paths.runtime, { mode: 0o700 });
      const fixture = new URL('../support/rpc-server-fixture.ts', import.meta.url).pathname;
      const child = spawn(
        'systemd-socket-activate',
        ['-l', paths.socket, process.execPath, fixture, JSON.stringify({ paths, fd: 3 })],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      );
      let err = '';
      child.stderr.on('data', chunk => {
        err += chunk;
      });
      const exited = new Promise(resolve => child.once('close', resolve));
      atEnd(async () => {
        child.kill('SIGKILL');
        await exited;
      });
      await until(() => existsSync(paths.socket));
      const client = new RawClient(paths.socket);
      await expectAlive(client).catch(error => {
        throw new Error(`${error.message}: ${err}`);
      });
      client.send(request(1, 'later', { ms: 50, value: 'late' }));
      client.socket.end();
      expect((await client.answer(1)).result).toBe('late');
      child.kill('SIGTERM');
      await exited;
      expect(lstatSync(paths.socket).isSocket()).toBe(true);
      expect(filesOf(paths)).toEqual(['rasend.lock', 'rasend.sock']);
    },
  );

  it('25 · a daemon on an inherited socket serves, and leaves the socket when it stops or is killed', async () => {
    const paths = newPaths();
    const fd = await manager(paths);
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGTERM'] as const) {
      const daemon = await readyDaemon(paths, { fd: 3, stdio_fd: fd });
      // The manager in this test may win a connection, too; it drops those.
      const client = await until(async () => {
        const one = newClient(paths);
        one.request('try', 'bump');
        await until(() => one.lines.length > 0 || one.closed);
        return one.lines.length > 0 ? one : undefined;
      });
      await expectAlive(client);
      daemon.child.kill(signal);
      await daemon.exited;
      expect(lstatSync(paths.socket).isSocket()).toBe(true);
    }
  });
});

describe('supply chain', () => {
  it('29 · the lockfile pins node-ipc 14.0.0 with its integrity and holds no compromised version', () => {
    const lock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'));
    const copies = Object.entries<Json>(lock.packages).filter(([path]) =>
      path.endsWith('node_modules/node-ipc'),
    );
    expect(copies).toHaveLength(1);
    expect(copies[0]![1]).toMatchObject({
      version: '14.0.0',
      integrity:
        'sha512-d5+aogND4Gk6aQkW5KCibliM4Mn12+isHXt8wFghO4Bn0gBSnev3TXJWQ4eEnzrlh5gCG+nwQEZwyayeDtQxQA==',
    });
    expect(lock.packages[''].dependencies['node-ipc']).toBe('14.0.0');
    const bad = /^(9\.1\.6|9\.2\.[23]|10\.1\.[123]|11\..*|12\.0\.1)$/;
    expect(copies.filter(([, { version }]) => bad.test(version))).toEqual([]);
    expect(Object.keys(lock.packages).filter(path => path.endsWith('/peacenotwar'))).toEqual([]);
  });

  it('29 · only transport.ts imports node-ipc', () => {
    const root = new URL('../../src/', import.meta.url).pathname;
    const found = spawnSync(
      'grep',
      ['-rlE', 'from [\'"]node-ipc|require\\([\'"]node-ipc|import\\([\'"]node-ipc', root],
      {
        encoding: 'utf8',
      },
    );
    expect(found.stdout.trim().split('\n')).toEqual([`${root}rpc/transport.ts`]);
  });
});
