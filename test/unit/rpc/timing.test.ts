/** Clients that are slow, silent, gone or do not read. Every limit is small here; numbers: the checklist of the design. */
import { existsSync, unlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Handler } from '../../../src/rpc/server.ts';
import { expectAlive, filesOf, type Json, newClient, newServer, until } from '../../support/rpc-rig.ts';

const request = (id: unknown, method: string, params?: unknown) => ({ jsonrpc: '2.0', id, method, params });

describe('silence', () => {
  it('13 · a client that says nothing, or never finishes its first line, is closed with 12', async () => {
    const { paths, server } = await newServer({ limits: { first_frame_ms: 50 } });
    const silent = newClient(paths);
    const blank = newClient(paths);
    const half = newClient(paths);
    blank.write('\n\n');
    half.write('{"jsonrpc"');
    for (const client of [silent, blank, half]) {
      await client.whenClosed();
      expect(client.lines).toMatchObject([{ id: null, error: { code: 12, data: { kind: 'timeout' } } }]);
    }
    await until(() => server.connections === 0);
  });

  it('13 · a later line must be complete in time, but silence between lines is fine', async () => {
    const { paths } = await newServer({ limits: { first_frame_ms: 600, frame_ms: 60 } });
    const idle = newClient(paths);
    const half = newClient(paths);
    await expectAlive(idle);
    await expectAlive(half);
    half.write('{"jsonrpc":"2.0"');
    await half.whenClosed();
    expect(half.lines.at(-1).error.code).toBe(12);
    // Whoever says nothing at all is sent away meanwhile.
    await newClient(paths).whenClosed();
    await expectAlive(idle);
  });

  it('13 · a client that always is in the middle of a line, but finishes lines, is not closed', async () => {
    const { paths } = await newServer({ limits: { first_frame_ms: 600, frame_ms: 600 } });
    const client = newClient(paths);
    const text = JSON.stringify(request(1, 'echo'));
    const start = Date.now();
    client.write(text.slice(0, 10));
    while (Date.now() - start < 1500) {
      client.write(`${text.slice(10)}\n${text.slice(0, 10)}`);
      await sleep(5);
    }
    expect(client.closed).toBe(false);
    // Dribbling without ever finishing is no progress.
    const dribble = setInterval(() => client.write(' '), 5);
    await client.whenClosed().finally(() => clearInterval(dribble));
    expect(client.lines.at(-1).error.code).toBe(12);
  });

  it('13 · the time for a begun line stands still while its client has too much to read', async () => {
    const { paths } = await newServer({ limits: { frame_ms: 600, unsent_bytes: 100_000 } });
    const client = newClient(paths);
    client.socket.pause();
    client.request(1, 'later', { ms: 20, value: 'x'.repeat(1_000_000) });
    client.write('{"jsonrpc":"2.0","id":2,');
    // One that reads, and began its line later, is sent away meanwhile.
    const other = newClient(paths);
    await expectAlive(other);
    other.write('{"jsonrpc":"2.0"');
    await other.whenClosed();
    client.socket.resume();
    await client.answer(1);
    client.write('"method":"echo"}\n');
    await client.answer(2);
  });

  it('13 · the time for a line stands still while the server does not read', async () => {
    const { paths } = await newServer({ limits: { frame_ms: 600, in_flight: 1 } });
    const client = newClient(paths);
    client.send(request(1, 'later', { ms: 1000 }), request(2, 'echo'), request(3, 'later', { ms: 5 }));
    client.write('{"jsonrpc":"2.0","id":4,');
    await client.answer(1);
    await client.answer(2);
    client.write('"method":"echo"}\n');
    await client.answer(4);
  });
});

describe('after a fatal error', () => {
  it('10 · input is taken for a while, so that the client can read the error', async () => {
    const { paths } = await newServer({ limits: { max_frame_in_bytes: 1000, drain_ms: 10_000 } });
    const client = newClient(paths, true);
    for (let n = 0; n < 30; n++) {
      client.write(Buffer.alloc(100_000, 0x78));
      await sleep(2);
    }
    await until(() => client.ended && client.socket.writableLength === 0);
    expect(client.lines).toMatchObject([{ id: null, error: { code: 10 } }]);
    client.socket.end();
    await client.whenClosed();
    expect(client.error).toBeUndefined();
  });

  it('10 · but not for ever and not without end', async () => {
    const { paths, server } = await newServer({ limits: { max_frame_in_bytes: 1000, drain_ms: 60 } });
    const silent = newClient(paths, true);
    silent.write(Buffer.alloc(2000, 0x78));
    await until(() => silent.ended);
    await until(() => server.connections === 0);
    const other = await newServer({
      limits: { max_frame_in_bytes: 1000, drain_ms: 60_000, drain_bytes: 500_000 },
    });
    const loud = newClient(other.paths, true);
    for (let n = 0; n < 10; n++) loud.write(Buffer.alloc(100_000, 0x78));
    await until(() => loud.closed && other.server.connections === 0);
  });
});

describe('gone', () => {
  it('14 · a disconnect in a line or in a request releases everything', async () => {
    const { paths, server, seen } = await newServer();
    for (let n = 0; n < 30; n++) {
      const half = newClient(paths);
      half.write('{"jsonrpc":"2.0","id":1,"meth');
      const busy = newClient(paths);
      busy.send(request(1, 'hang'), request(2, 'hang'), request(3, 'flood', { record_bytes: 100 }));
      await until(() => busy.lines.length > 0);
      half.socket.destroy();
      busy.socket.destroy();
    }
    await until(() => server.connections === 0 && seen.running === 0);
    expect(seen.aborted).toHaveLength(90);
    expect(new Set(seen.aborted)).toEqual(new Set(['cancelled']));
    await expectAlive(newClient(paths));
  });

  it('15 · after the end of its input a client still gets late answers, then the end', async () => {
    const { paths } = await newServer({ limits: { probe_ms: 20 } });
    const client = newClient(paths, true);
    client.send(request(1, 'later', { ms: 100, value: 'late' }), request(2, 'echo', ['early']));
    client.socket.end();
    await until(() => client.ended);
    const answers = client.lines.filter(line => line.method === undefined);
    expect(answers.map(line => line.result)).toEqual([['early'], 'late']);
    const probes = client.lines.filter(line => line.method !== undefined);
    expect(probes.length).toBeGreaterThan(0);
    expect(new Set(probes.map(line => JSON.stringify(line)))).toEqual(
      new Set(['{"jsonrpc":"2.0","method":"$/alive"}']),
    );
  });

  it('15 · a last line without newline is not run, and said', async () => {
    const { paths, seen } = await newServer();
    const client = newClient(paths, true);
    client.write(JSON.stringify(request(1, 'bump')));
    client.socket.end();
    await until(() => client.ended);
    expect(client.lines).toMatchObject([{ id: null, error: { code: -32700 } }]);
    expect(seen.bumps).toBe(0);
  });

  it('15 · a vanished client is found by the probe, also while its input is not read', async () => {
    const { paths, server, seen } = await newServer({ limits: { probe_ms: 20, in_flight: 2 } });
    const ended = newClient(paths, true);
    ended.request(1, 'hang');
    const full = newClient(paths);
    full.send(...[1, 2, 3, 4].map(id => request(id, 'hang')));
    // More than the socket takes in while it is paused, so that its end is not seen.
    for (const id of [5, 6]) full.request(id, 'echo', ['x'.repeat(500_000)]);
    await until(() => seen.running === 3);
    ended.socket.end();
    await until(() => ended.lines.length > 1);
    ended.socket.destroy();
    full.socket.destroy();
    await until(() => seen.running === 0 && server.connections === 0);
  });
});

describe('not reading', () => {
  const limits = { stall_ms: 200, probe_ms: 20 };

  it('16 · a stream to a client that does not read stops at its limit, and the client is closed', async () => {
    const { paths, server, seen, log } = await newServer({ limits });
    const client = newClient(paths);
    client.socket.pause();
    client.request(1, 'flood', { record_bytes: 10_000 });
    await until(() => server.connections === 1);
    await until(() => server.connections === 0, 'the stall');
    expect(seen.aborted).toEqual(['cancelled']);
    const stalled = log.lines.find(line => line.message.includes('does not read'))!;
    expect(stalled.facts.unsent).toBeLessThan(400_000);
  });

  it('16 · a client that only writes is not read any more, and is closed', async () => {
    const { paths, server, seen, log } = await newServer({ limits: { ...limits, unsent_bytes: 500_000 } });
    const client = newClient(paths);
    client.socket.pause();
    for (let id = 0; id < 400; id++)
      client.send(request(id, 'echo', ['x'.repeat(50_000)]), request('b', 'bump'));
    await until(() => server.connections === 1);
    await until(() => server.connections === 0, 'the stall');
    expect(seen.bumps).toBeLessThan(100);
    expect(log.lines.at(-1)!.facts.unsent).toBeLessThan(1_000_000);
  });

  it('16 · a slow reader of one big answer is not taken for a stopped one', async () => {
    const { paths, server } = await newServer({ limits: { stall_ms: 300 } });
    const client = newClient(paths);
    const bytes = 6_000_000;
    client.request(1, 'big', { bytes });
    client.socket.pause();
    const start = Date.now();
    let read = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('readable', () => {});
    while (read < bytes) {
      const piece = client.socket.read(100_000) ?? client.socket.read();
      read += piece?.length ?? 0;
      await sleep(25);
    }
    expect(Date.now() - start).toBeGreaterThan(600);
    expect(server.connections).toBe(1);
  });

  it('16 · notifications that a method does not wait for are bounded', async () => {
    const careless: Handler = async (_params, context) => {
      const sent = Array.from({ length: 1000 }, () => context.notify('data', { text: 'x'.repeat(10_000) }));
      const results = await Promise.allSettled(sent);
      return results.filter(result => result.status === 'rejected').map(result => result.reason.kind);
    };
    const { paths } = await newServer({
      methods: new Map([['careless', careless]]),
      limits: { unsent_bytes: 300_000 },
    });
    const client = newClient(paths);
    client.request(1, 'careless');
    const { result } = await client.answer(1);
    expect(result.length).toBeGreaterThan(900);
    expect(new Set(result)).toEqual(new Set(['overloaded']));
  });
});

describe('leaving', () => {
  it('23 · running requests are aborted, new ones refused, everything is flushed, then the end', async () => {
    const { paths, server, seen } = await newServer();
    const waiting = newClient(paths);
    const working = newClient(paths);
    const big = newClient(paths);
    const idle = newClient(paths);
    const following = newClient(paths);
    waiting.request(1, 'hang');
    working.request(1, 'finishes_anyway', { ms: 300 });
    following.send(request(1, 'follow'), request(2, 'echo'));
    await following.answer(2);
    await expectAlive(idle);
    big.socket.pause();
    big.send(request(1, 'big', { bytes: 900_000 }), request(2, 'bump'));
    await until(() => server.connections === 5 && seen.running === 2 && seen.bumps === 1);
    const closing = server.close(10_000);
    working.send(request(2, 'bump'), [request(3, 'bump'), request(4, 'bump')]);
    await until(() => !existsSync(paths.socket));
    await idle.whenClosed();
    await waiting.whenClosed();
    expect(waiting.lines).toMatchObject([{ id: 1, error: { code: 14, data: { kind: 'shutting_down' } } }]);
    await following.whenClosed();
    expect(following.lines).toMatchObject([{ id: 2 }, { id: 1, result: { sent: 0 } }]);
    await working.whenClosed();
    expect((await working.answer(1)).result).toEqual({ aborted: true });
    expect((await working.answer(2)).error.code).toBe(14);
    expect(working.lines.find(line => Array.isArray(line))!.map((a: Json) => a.error.code)).toEqual([14, 14]);
    expect(seen.bumps).toBe(1);
    // Only `big` is left, which has not read its answers.
    await until(() => server.connections === 1);
    big.socket.resume();
    await big.whenClosed();
    expect(big.lines[0].result).toHaveLength(900_000);
    expect(big.lines[1].result).toBe(1);
    await closing;
    expect(filesOf(paths)).toEqual(['rasend.lock']);
  });

  it('23 · what is not over after the grace is answered for and destroyed', async () => {
    const { paths, server } = await newServer();
    const deaf = newClient(paths);
    deaf.request(1, 'deaf');
    const stuck = newClient(paths);
    stuck.socket.pause();
    stuck.request(1, 'big', { bytes: 5_000_000 });
    await until(() => server.connections === 2);
    await expectAlive(newClient(paths));
    await server.close(40);
    expect(server.connections).toBe(0);
    await deaf.whenClosed();
    expect(deaf.lines).toMatchObject([{ id: 1, error: { code: 14 } }]);
    await server.close();
  });
});

describe('too many', () => {
  it('18 · who is idle longest makes place for a new one, and is told why; the log says it once', async () => {
    const { paths, server, log } = await newServer({ limits: { connections: 5, rebind_check_ms: 15 } });
    const clients = Array.from({ length: 5 }, () => newClient(paths));
    for (const client of clients) await expectAlive(client);
    for (let n = 0; n < 3; n++) await expectAlive(newClient(paths));
    for (const [n, client] of clients.entries()) {
      if (n > 2) {
        await expectAlive(client);
        continue;
      }
      await client.whenClosed();
      expect(client.lines.at(-1)).toMatchObject({ id: null, error: { data: { kind: 'overloaded' } } });
    }
    expect(log.lines.filter(line => line.message.includes('too many connections'))).toHaveLength(1);
    // A new listener does not begin a new count.
    unlinkSync(paths.socket);
    await until(() => existsSync(paths.socket));
    await expectAlive(newClient(paths));
    await until(() => server.connections === 5);
  });

  it('18 · who waits for an answer is never closed for another; where all do, the new one is refused with an error', async () => {
    const { paths, server, seen } = await newServer({ limits: { connections: 3 } });
    const busy = Array.from({ length: 3 }, () => newClient(paths));
    for (const client of busy) client.request(1, 'later', { ms: 600_000 });
    await until(() => seen.running === 3);
    const other = newClient(paths);
    await other.whenClosed();
    expect(other.lines).toMatchObject([{ id: null, error: { data: { kind: 'overloaded' } } }]);
    expect(busy.map(client => client.closed)).toEqual([false, false, false]);
    busy[0]!.socket.destroy();
    await until(() => server.connections === 2);
    await expectAlive(newClient(paths));
  });

  it('18 · half a line is no more than silence, and silence goes before what has asked something', async () => {
    const { paths } = await newServer({ limits: { connections: 3 } });
    const asker = newClient(paths);
    await expectAlive(asker);
    const half = newClient(paths);
    half.write('{"jsonrpc":');
    await sleep(150);
    half.write('"2.0",');
    await expectAlive(newClient(paths));
    await expectAlive(newClient(paths));
    await half.whenClosed();
    expect(half.lines).toMatchObject([{ error: { data: { kind: 'overloaded' } } }]);
    await expectAlive(asker);
  });
});
