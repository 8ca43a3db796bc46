/** The client against our server and against servers that misbehave. Numbers: the checklist of the design. */
import { chmodSync, mkdirSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { connect } from '../../../src/rpc/client.ts';
import { LIMITS } from '../../../src/rpc/limits.ts';
import { atEnd, type Json, newClient, newPaths, newServer, until } from '../../support/rpc-rig.ts';

async function newRpc(path: string, options = {}) {
  const client = await connect(path, options);
  atEnd(() => client.close());
  return client;
}

/** A server that does what the test says with each line. */
async function fakeServer(onLine: (line: Json, socket: Socket) => void) {
  const paths = newPaths();
  mkdirSync(paths.runtime, { mode: 0o700 });
  const chunks: string[] = [];
  const sockets: Socket[] = [];
  const server = createServer(socket => {
    sockets.push(socket);
    let rest = '';
    socket.on('error', () => {});
    socket.on('data', chunk => {
      chunks.push(String(chunk));
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) onLine(JSON.parse(line), socket);
    });
  });
  await new Promise<void>(resolve => server.listen(paths.socket, resolve));
  chmodSync(paths.socket, 0o600);
  atEnd(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { paths, chunks, sockets };
}

const answer = (socket: Socket, id: unknown, result: unknown) =>
  socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`);

describe('connect', () => {
  it('28 · without a server it fails at once', async () => {
    const paths = newPaths();
    await expect(connect(paths.socket)).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('no such socket'),
      hint: 'Is rasend running?',
      data: { errno: 'ENOENT' },
    });
    mkdirSync(paths.runtime, { mode: 0o700 });
    const { server } = await newServer();
    await server.close();
    const dead = createServer();
    await new Promise<void>(resolve => dead.listen(`${paths.socket}1`, resolve));
    chmodSync(`${paths.socket}1`, 0o600);
    // The file of a listener that was killed: renamed away, so that closing does not remove it.
    (await import('node:fs')).renameSync(`${paths.socket}1`, paths.socket);
    dead.close();
    await expect(connect(paths.socket)).rejects.toMatchObject({
      kind: 'unreachable',
      data: { errno: 'ECONNREFUSED' },
    });
    await expect(connect(`/${'x'.repeat(103)}`)).rejects.toMatchObject({ kind: 'socket_path' });
  });

  it('28 · a server that never answers: timeout, and the request is cancelled', async () => {
    const lines: Json[] = [];
    const { paths } = await fakeServer(line => lines.push(line));
    const client = await newRpc(paths.socket);
    await expect(client.call('slow', {}, { timeout_ms: 30 })).rejects.toMatchObject({ kind: 'timeout' });
    await expect(client.stream('slow', {}, () => {}, { timeout_ms: 30 })).rejects.toMatchObject({
      kind: 'timeout',
    });
    await until(() => lines.length === 5);
    expect(lines.map(line => line.method)).toEqual([
      'rasen.hello',
      'slow',
      '$/cancelRequest',
      'slow',
      '$/cancelRequest',
    ]);
    expect(lines[2].params.id).toBe(lines[1].id);
  });

  it('20 · hello travels in the same write as the first call', async () => {
    const { paths, chunks } = await fakeServer((line, socket) => answer(socket, line.id, line.method));
    const client = await newRpc(paths.socket, { client: { name: 'test', version: '9' } });
    expect(await client.call('first')).toBe('first');
    expect(chunks).toHaveLength(1);
    const [hello, first] = chunks[0]!.split('\n').map(line => line && JSON.parse(line));
    expect(hello).toMatchObject({
      method: 'rasen.hello',
      params: { protocol: { min: 1, max: 1 }, client: { name: 'test', version: '9' } },
    });
    expect(first.method).toBe('first');
  });

  it('20 · a client that calls nothing yet says hello by itself', async () => {
    const { paths } = await newServer({ limits: { first_frame_ms: 400 } });
    const client = await newRpc(paths.socket);
    // Whoever says nothing at all is sent away meanwhile.
    await newClient(paths).whenClosed();
    expect(await client.call('echo', { a: 1 })).toEqual({ a: 1 });
    expect(await client.hello).toMatchObject({
      protocol: 1,
      server: { version: '1.2.3' },
      features: ['test'],
    });
  });

  it('20 · a refused hello rejects every call with incompatible', async () => {
    const { paths } = await fakeServer((line, socket) => {
      if (line.method !== 'rasen.hello') return;
      const data = { kind: 'incompatible', hint: 'update' };
      socket.end(
        `${JSON.stringify({ jsonrpc: '2.0', id: line.id, error: { code: -32011, message: 'no', data } })}\n`,
      );
    });
    const client = await newRpc(paths.socket);
    const calls = [client.call('a'), client.call('b')];
    for (const call of calls)
      await expect(call).rejects.toMatchObject({ kind: 'incompatible', hint: 'update' });
    await expect(client.hello).rejects.toMatchObject({ kind: 'incompatible' });
    await client.closed;
    await expect(client.call('c')).rejects.toMatchObject({ kind: 'incompatible' });
  });
});

describe('calls', () => {
  it('24 · errors arrive as RasenError with kind, hint and data; an unknown kind is internal', async () => {
    const { paths } = await newServer();
    const client = await newRpc(paths.socket);
    await expect(client.call('expected')).rejects.toMatchObject({
      kind: 'task_unknown',
      message: 'There is no task "x".',
      hint: 'rasen list',
      data: { id: 'x' },
      exit: 2,
    });
    await expect(client.call('wrong_params')).rejects.toMatchObject({
      kind: 'usage',
      data: { issues: [{ path: ['limits', 0], message: 'too small' }] },
    });
    await expect(client.call('bug')).rejects.toMatchObject({ kind: 'internal', message: 'Internal error.' });
    await expect(client.call('no.such')).rejects.toMatchObject({ kind: 'usage' });

    for (const [data, kind] of [
      [{ kind: 'of_next_year', x: 1 }, 'internal'],
      [{ kind: '__proto__' }, 'internal'],
      [null, 'internal'],
    ]) {
      const fake = await fakeServer((line, socket) =>
        socket.write(
          `${JSON.stringify({ jsonrpc: '2.0', id: line.id, error: { code: -1, message: 'said', data } })}\n`,
        ),
      );
      const other = await newRpc(fake.paths.socket);
      await expect(other.call('x')).rejects.toMatchObject({ kind, message: 'said' });
    }
  });

  it('18 · many calls at once get their own answers', async () => {
    const { paths } = await newServer();
    const client = await newRpc(paths.socket);
    const calls = Array.from({ length: 300 }, (_, n) => client.call('later', { ms: (n * 7) % 11, value: n }));
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 300 }, (_, n) => n));
  });

  it('21 · a signal cancels a call at once; one that is aborted before sends nothing', async () => {
    const { paths, seen } = await newServer();
    const client = await newRpc(paths.socket);
    const abort = new AbortController();
    const call = client.call('hang', {}, { signal: abort.signal });
    await until(() => seen.running === 1);
    abort.abort();
    await expect(call).rejects.toMatchObject({ kind: 'cancelled' });
    await until(() => seen.running === 0);
    await expect(client.call('bump', {}, { signal: abort.signal })).rejects.toMatchObject({
      kind: 'cancelled',
    });
    expect(await client.call('bump')).toBe(1);
  });

  it('19 · input over the limit is refused before it is sent', async () => {
    const { paths } = await newServer({ limits: { max_frame_in_bytes: 5000 } });
    const client = await newRpc(paths.socket);
    await client.hello;
    await expect(client.call('echo', ['x'.repeat(5000)])).rejects.toMatchObject({ kind: 'usage' });
    expect(await client.call('echo', ['x'.repeat(4000)])).toHaveLength(1);
  });

  it('14 · a lost connection rejects what is open and what comes', async () => {
    const { paths, sockets } = await fakeServer(() => {});
    const client = await newRpc(paths.socket);
    const call = client.call('x');
    await until(() => sockets.length > 0);
    sockets[0]!.destroy();
    await expect(call).rejects.toMatchObject({ kind: 'unreachable' });
    await client.closed;
    await expect(client.call('y')).rejects.toMatchObject({ kind: 'unreachable' });
  });

  it('11 · a server that sends garbage or too much is left', async () => {
    for (const bytes of ['garbage\n', '[]\n', Buffer.from([0x22, 0xff, 0x22, 0x0a])]) {
      const { paths } = await fakeServer((_line, socket) => socket.write(bytes));
      const client = await newRpc(paths.socket);
      await expect(client.call('x')).rejects.toMatchObject({ kind: 'internal' });
      await client.closed;
    }
    const { paths } = await fakeServer((_line, socket) =>
      socket.write(Buffer.alloc(LIMITS.max_frame_out_bytes + 2, 0x20)),
    );
    const client = await newRpc(paths.socket);
    await expect(client.call('x')).rejects.toMatchObject({ kind: 'internal' });
  });

  it('10 · the reason of a connection that the server ends reaches the open calls', async () => {
    const { paths } = await newServer({ limits: { max_frame_in_bytes: 500 } });
    const client = await newRpc(paths.socket);
    const call = client.call('echo', ['x'.repeat(1000)]);
    await expect(call).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('500 bytes'),
    });
  });

  it('23 · close rejects what is open with cancelled, and the server forgets the client', async () => {
    const { paths, server, seen } = await newServer();
    const client = await newRpc(paths.socket);
    const call = client.call('hang');
    await until(() => seen.running === 1);
    client.close();
    await expect(call).rejects.toMatchObject({ kind: 'cancelled' });
    await client.closed;
    await until(() => seen.running === 0 && server.connections === 0);
  });
});

describe('streams', () => {
  it('16 · a slow consumer holds the server back; every record arrives in order, the answer last', async () => {
    const { paths, seen } = await newServer();
    const client = await newRpc(paths.socket);
    let records = 0;
    let inside = 0;
    let go = () => {};
    const gate = new Promise<void>(resolve => {
      go = resolve;
    });
    const end = client.stream('flood', { bytes: 20_000_000, record_bytes: 20_000 }, async () => {
      inside += 1;
      expect(inside).toBe(1);
      await gate;
      records += 1;
      inside -= 1;
    });
    let last = -1;
    for (let same = 0; same < 30; same++) {
      await sleep(3);
      if (seen.flooded_bytes !== last) same = 0;
      last = seen.flooded_bytes;
    }
    expect(last).toBeGreaterThan(0);
    expect(last).toBeLessThan(4_000_000);
    go();
    expect(await end).toEqual({ sent: 20_000_000 });
    expect(records).toBe(1000);
  });

  it('21 · abort ends a stream with its final answer', async () => {
    const { paths, ring } = await newServer();
    for (let n = 0; n < 10; n++) ring.append();
    const client = await newRpc(paths.socket);
    const abort = new AbortController();
    const seqs: number[] = [];
    const end = client.stream(
      'follow',
      {},
      (_method, params) => {
        seqs.push(params.records[0].seq);
        if (seqs.length === 10) abort.abort();
      },
      { signal: abort.signal },
    );
    expect(await end).toEqual({ sent: 10, dropped: 0, next: 10 });
    expect(seqs).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('21 · a consumer that throws ends the stream, at the server too', async () => {
    const { paths, seen } = await newServer();
    const client = await newRpc(paths.socket);
    for (const consumer of [
      () => {
        throw new Error('mine');
      },
      async () => {
        throw new Error('mine');
      },
    ])
      await expect(client.stream('flood', { record_bytes: 100 }, consumer)).rejects.toThrow('mine');
    await until(() => seen.aborted.length === 2);
    expect(await client.call('echo', [1])).toEqual([1]);
  });

  it('15 · what arrived before the end of the connection is handed out before the stream fails', async () => {
    const { paths } = await fakeServer((line, socket) => {
      if (line.method !== 'watch') return;
      for (let n = 0; n < 20; n++)
        socket.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'd', params: { request: line.id, n } })}\n`);
      socket.end();
    });
    const client = await newRpc(paths.socket);
    const got: number[] = [];
    const end = client.stream('watch', {}, async (_method, { n }) => {
      await sleep(2);
      got.push(n);
    });
    await expect(end).rejects.toMatchObject({ kind: 'unreachable' });
    expect(got).toHaveLength(20);
  });
});
