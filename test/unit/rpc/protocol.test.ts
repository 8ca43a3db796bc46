/** What a connection says: answers, garbage, batches, cancel, hello. Numbers: the checklist of the design. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../src/rpc/limits.ts';
import { expectAlive, type Json, newClient, newServer, until } from '../../support/rpc-rig.ts';

const request = (id: unknown, method: string, params?: unknown) => ({ jsonrpc: '2.0', id, method, params });
const errorOf = (line: Json) => [line.id, line.error?.code];

describe('garbage', () => {
  it('11 · garbage, invalid UTF-8, wrong types and __proto__ as method are answered and survived', async () => {
    const { paths, server } = await newServer();
    const client = newClient(paths);
    const cases: [string | Buffer, unknown, number][] = [
      ['garbage', null, -32700],
      ['{"jsonrpc":"2.0","id":1,"method":"echo"', null, -32700],
      [Buffer.from([0x22, 0xff, 0xfe, 0x22]), null, -32700],
      [Buffer.from([0]), null, -32700],
      ['\ufeff{}', null, -32700],
      ['null', null, -32600],
      ['[]', null, -32600],
      ['{}', null, -32600],
      ['42', null, -32600],
      ['"text"', null, -32600],
      ['true', null, -32600],
      ['{"jsonrpc":"1.0","id":1,"method":"echo"}', 1, -32600],
      ['{"jsonrpc":"2.0","id":2,"method":3}', 2, -32600],
      ['{"jsonrpc":"2.0","id":3,"method":"echo","params":5}', 3, -32600],
      ['{"jsonrpc":"2.0","id":4,"method":"echo","params":null}', 4, -32600],
      ['{"jsonrpc":"2.0","id":null,"method":"echo"}', null, -32600],
      ['{"jsonrpc":"2.0","id":{},"method":"echo"}', null, -32600],
      ['{"jsonrpc":"2.0","id":1.5,"method":"echo"}', null, -32600],
      ['{"jsonrpc":"2.0","id":9007199254740993,"method":"echo"}', null, -32600],
      ['{"jsonrpc":"2.0","id":1e999,"method":"echo"}', null, -32600],
      ['{"jsonrpc":"2.0","id":7,"result":1}', 7, -32600],
      ['{"type":1}', null, -32600],
      ['{"jsonrpc":"2.0","id":8,"method":"__proto__"}', 8, -32601],
      ['{"jsonrpc":"2.0","id":9,"method":"constructor"}', 9, -32601],
      ['{"jsonrpc":"2.0","id":10,"method":"toString","params":{}}', 10, -32601],
      ['{"jsonrpc":"2.0","id":11,"method":""}', 11, -32601],
      ['{"jsonrpc":"2.0","id":12,"method":"$/anything"}', 12, -32601],
      ['{"__proto__":{"jsonrpc":"2.0","id":1,"method":"echo"}}', null, -32600],
    ];
    for (const [bytes, id, code] of cases) {
      client.write(Buffer.concat([Buffer.from(bytes as string), Buffer.from('\n')]));
      const line = await client.next();
      expect(errorOf(line), String(bytes)).toEqual([id, code]);
      expect(line.error.data.kind).toBe('usage');
      expect(await client.ask('still', 'echo', [1])).toEqual({ jsonrpc: '2.0', id: 'still', result: [1] });
    }
    expect(server.connections).toBe(1);
  });

  it('11 · blank lines, CR LF and unknown notifications are ignored', async () => {
    const { paths, seen } = await newServer();
    const client = newClient(paths);
    client.write('\n\r\n \t \n');
    client.send({ jsonrpc: '2.0', method: '$/unknown' }, { jsonrpc: '2.0', method: 'no.such' });
    client.write('{"jsonrpc":"2.0","id":1,"method":"echo","params":{}}\r\n');
    expect(await client.next()).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
    client.send({ jsonrpc: '2.0', method: 'bump' }, { jsonrpc: '2.0', method: 'bug' });
    await expectAlive(client);
    expect(seen.bumps).toBe(1);
    expect(client.lines).toHaveLength(2);
  });

  it('12 · eight bad lines in a row close the connection, seven and a good one do not', async () => {
    const { paths, server } = await newServer();
    const client = newClient(paths);
    for (let round = 0; round < 3; round++) {
      client.write('bad\n'.repeat(LIMITS.bad_frames - 1));
      await expectAlive(client);
    }
    client.write('bad\n'.repeat(LIMITS.bad_frames));
    client.request('after', 'bump');
    await client.whenClosed();
    expect(client.lines.at(-1).error.message).toContain('8 lines in a row');
    expect(client.lines.at(-1).id).toBe(null);
    expect(client.lines.some(line => line.id === 'after')).toBe(false);
    await until(() => server.connections === 0);
  });

  it('10 · a line over the limit is answered with 10 and ends the connection', async () => {
    const { paths, server } = await newServer({ limits: { max_frame_in_bytes: 1000 } });
    const client = newClient(paths);
    const shell = JSON.stringify(request(1, 'echo', ['']));
    client.write(`${shell.replace('""', `"${'x'.repeat(1000 - shell.length)}"`)}\n`);
    expect((await client.next()).id).toBe(1);
    client.write('y'.repeat(5000));
    expect(errorOf(await client.next())).toEqual([null, 10]);
    await client.whenClosed();
    expect(client.error).toBeUndefined();
    await until(() => server.connections === 0);
  });
});

describe('answers', () => {
  it('24 · a bug in a method becomes -32603 without details; the stack is in the log', async () => {
    const { paths, log } = await newServer();
    const client = newClient(paths);
    for (const method of ['bug', 'bug_later', 'no_json']) {
      const { error } = await client.ask(method, method);
      expect(error).toEqual({
        code: -32603,
        message: 'Internal error.',
        data: { kind: 'internal', hint: 'The log of the supervisor has the details.' },
      });
    }
    const errors = log.lines.filter(line => line.level === 'error');
    expect(errors.map(line => line.facts.method)).toEqual(['bug', 'bug_later', 'no_json']);
    expect(errors[0]!.facts.err).toContain('secret of /home/someone');
    expect(errors[0]!.facts.err).toContain('rpc-methods.ts');
  });

  it('24 · expected failures carry code, message, kind, hint and data', async () => {
    const { paths } = await newServer();
    const client = newClient(paths);
    expect((await client.ask(1, 'expected')).error).toEqual({
      code: 52,
      message: 'There is no task "x".',
      data: { id: 'x', kind: 'task_unknown', hint: 'rasen list' },
    });
    expect((await client.ask(2, 'wrong_params')).error).toEqual({
      code: -32602,
      message: 'Invalid params: limits.0: too small.',
      data: { kind: 'usage', issues: [{ path: ['limits', 0], message: 'too small' }] },
    });
    expect(await client.ask(3, 'nothing')).toEqual({ jsonrpc: '2.0', id: 3, result: null });
  });

  it('24 · an answer over max_frame_out_bytes becomes an error, and only that answer', async () => {
    const { paths } = await newServer({ limits: { max_frame_out_bytes: 1000 } });
    const client = newClient(paths);
    expect(errorOf(await client.ask(1, 'big', { bytes: 1001 }))).toEqual([1, 10]);
    expect((await client.ask(2, 'big', { bytes: 500 })).result).toHaveLength(500);
    client.send([request(3, 'big', { bytes: 400 }), request(4, 'big', { bytes: 900 }), request(5, 'echo')]);
    const batch = await client.next();
    expect(batch.map(errorOf)).toEqual([
      [3, undefined],
      [4, 10],
      [5, undefined],
    ]);
  });

  it('26 · U+2028, astral characters and embedded newlines make the round trip', async () => {
    const { paths } = await newServer();
    const client = newClient(paths);
    const value = {
      a: 'x\u2028y\u2029z',
      b: '😀👩‍👩‍👧',
      c: 'one\ntwo\r\nthree\u0000',
      d: '\ud800',
      'ключ\n': 'ü',
    };
    expect((await client.ask('id \u2028\n😀', 'echo', value)).result).toEqual(value);
    // Cut inside of every character.
    for (const byte of Buffer.from(`${JSON.stringify(request(2, 'echo', value))}\n`))
      client.write(Buffer.from([byte]));
    expect((await client.next()).result).toEqual(value);
    const long = Array.from({ length: 50_000 }, (_, n) => '😀ü\n'[n % 4]).join('');
    const { result } = await client.ask(3, 'echo', { long });
    const hash = (text: string) => createHash('sha256').update(text).digest('hex');
    expect(hash(result.long)).toBe(hash(long));
  });
});

describe('many requests', () => {
  it('19 · 500 pipelined requests are all answered, at most 64 run at once', async () => {
    const { paths, seen } = await newServer();
    const client = newClient(paths);
    client.send(...Array.from({ length: 500 }, (_, id) => request(id, 'later', { ms: 2, value: id })));
    await until(() => client.lines.length === 500, '500 answers');
    expect(client.lines.map(line => line.result).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 500 }, (_, id) => id),
    );
    expect(seen.most_running).toBe(LIMITS.in_flight);
  });

  it('19 · an id that is in flight is refused under id null, and free again after its answer', async () => {
    const { paths } = await newServer();
    const client = newClient(paths);
    client.send(request(1, 'hang'), request(1, 'echo'), request('1', 'echo', ['text']));
    expect(await client.next()).toMatchObject({ id: null, error: { code: -32600, data: { id: 1 } } });
    expect(await client.next()).toMatchObject({ id: '1', result: ['text'] });
    client.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 1 } });
    expect(errorOf(await client.next())).toEqual([1, -32800]);
    expect(await client.ask(1, 'echo', [2])).toMatchObject({ id: 1, result: [2] });
  });

  it('19 · batches: one answer line, notifications without answer, limits', async () => {
    const { paths, seen } = await newServer();
    const client = newClient(paths);
    client.send([
      request(1, 'later', { ms: 5, value: 'late' }),
      { jsonrpc: '2.0', method: 'bump' },
      request(2, 'echo', ['quick']),
      5,
      request(3, 'no.such'),
      request(4, 'rasen.hello', { protocol: { min: 1, max: 1 } }),
    ]);
    const answers: Json[] = await client.next();
    expect(answers.map(a => a.id).sort()).toEqual([1, 2, 3, 4, null]);
    expect(answers.find(a => a.id === 1).result).toBe('late');
    expect(answers.find(a => a.id === 4).error.code).toBe(-32600);
    expect(seen.bumps).toBe(1);

    client.send([{ jsonrpc: '2.0', method: 'bump' }]);
    client.send(Array.from({ length: 65 }, (_, id) => request(id, 'bump')));
    expect(errorOf(await client.next())).toEqual([null, -32600]);
    expect(seen.bumps).toBe(2);
    client.send(Array.from({ length: 64 }, (_, id) => request(id, 'bump')));
    expect(await client.next()).toHaveLength(64);
    expect(seen.bumps).toBe(66);
  });

  it('19 · a batch does not pass the cap of requests in flight', async () => {
    const { paths, seen } = await newServer({ limits: { in_flight: 5 } });
    const client = newClient(paths);
    client.send(
      ...Array.from({ length: 3 }, (_, id) => request(`s${id}`, 'later', { ms: 5 })),
      Array.from({ length: 20 }, (_, id) => request(id, 'later', { ms: 2 })),
    );
    await until(() => client.lines.length === 4);
    expect(seen.most_running).toBe(5);
    expect(client.lines.find(line => Array.isArray(line))).toHaveLength(20);
  });

  it('19 · a connection whose requests fill the cap can still cancel one', async () => {
    const { paths } = await newServer({ limits: { in_flight: 4 } });
    const client = newClient(paths);
    client.send(...[1, 2, 3, 4].map(id => request(id, 'hang')));
    client.send(
      { jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 3 } },
      request(5, 'echo', ['room']),
    );
    expect(errorOf(await client.answer(3))).toEqual([3, -32800]);
    expect((await client.answer(5)).result).toEqual(['room']);
  });
});

describe('cancel', () => {
  it('21 · cancel ends a request; after its end, for an unknown id and malformed it does nothing', async () => {
    const { paths, seen } = await newServer();
    const client = newClient(paths);
    const cancel = (params?: unknown) => ({ jsonrpc: '2.0', method: '$/cancelRequest', params });
    client.send(request('a', 'hang'), cancel({ id: 'a' }));
    expect(await client.next()).toEqual({
      jsonrpc: '2.0',
      id: 'a',
      error: { code: -32800, message: 'Request a was cancelled.', data: { kind: 'cancelled' } },
    });
    client.send(cancel({ id: 'a' }), cancel({ id: 'unknown' }), cancel({ id: {} }), cancel(), cancel([1]));
    await expectAlive(client);
    expect(seen).toMatchObject({ running: 0, aborted: ['cancelled'] });
    // An AbortError of something that got the signal counts as the cancel, too.
    client.send(request('b', 'later', { ms: 60_000 }), cancel({ id: 'b' }));
    expect(errorOf(await client.answer('b'))).toEqual(['b', -32800]);
    // A result that comes in spite of it is the answer.
    client.send(request('c', 'finishes_anyway', { ms: 3 }), cancel({ id: 'c' }));
    expect((await client.answer('c')).result).toEqual({ aborted: true });
    expect(client.lines).toHaveLength(4);
  });

  it('21 · a cancelled stream ends with its final answer, and nothing comes after that', async () => {
    const { paths, ring } = await newServer();
    for (let n = 0; n < 5; n++) ring.append();
    const client = newClient(paths);
    client.request(7, 'follow', { from: 2 });
    await until(() => client.lines.length === 3);
    expect(client.lines[0]).toMatchObject({
      method: 'log.data',
      params: { request: 7, records: [{ seq: 2 }] },
    });
    client.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 7 } });
    expect((await client.answer(7)).result).toEqual({ sent: 3, dropped: 0, next: 5 });
    ring.append();
    await expectAlive(client);
    expect(client.lines).toHaveLength(5);
  });

  it('22 · a follower that was overrun gets a gap, and sent and dropped add up', async () => {
    const { paths, ring } = await newServer({ limits: { stream_unsent_bytes: 16 * 1024 } });
    const client = newClient(paths);
    client.request(1, 'follow');
    ring.append();
    await until(() => client.lines.length === 1);
    client.socket.pause();
    // 20 MB while nobody reads: the follower keeps a cursor, the ring has room for 1000.
    for (let n = 1; n < 20_000; n++) {
      ring.append();
      if (n % 100 === 0) await new Promise(setImmediate);
    }
    client.socket.resume();
    await until(() => client.lines.at(-1)?.params.records?.[0].seq === 19_999);
    client.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 1 } });
    const { result } = await client.answer(1);
    const gaps = client.lines.filter(line => line.method === 'log.gap').map(line => line.params);
    const lost = gaps.reduce((sum, gap) => sum + gap.to - gap.from, 0);
    expect(gaps.length).toBeGreaterThan(0);
    expect(result).toEqual({ sent: 20_000 - lost, dropped: lost, next: 20_000 });
    let next = 0;
    for (const { method, params } of client.lines) {
      if (method === 'log.gap') {
        expect(params.from).toBe(next);
        next = params.to;
      } else if (method === 'log.data') {
        expect(params.records[0].seq).toBe(next);
        next += 1;
      }
    }
    expect(next).toBe(20_000);
  });
});

describe('hello', () => {
  const hello = (id: unknown, min: number, max: number) =>
    request(id, 'rasen.hello', {
      protocol: { min, max },
      client: { name: 'test', version: '1' },
      later: true,
    });

  it('20 · hello names protocol, server, limits and features; requests before it work as well', async () => {
    const { paths } = await newServer({ limits: { stall_ms: 12_345 } });
    const client = newClient(paths);
    await expectAlive(client);
    client.send(hello(1, 0, 99), request(2, 'echo', [1]));
    expect((await client.answer(1)).result).toEqual({
      protocol: 1,
      server: { name: 'rasend', version: '1.2.3' },
      limits: { ...LIMITS, stall_ms: 12_345 },
      features: ['test'],
    });
    expect((await client.answer(2)).result).toEqual([1]);
  });

  it('20 · after a refused hello nothing that was sent with it runs, and the connection ends', async () => {
    for (const [refused, code] of [
      [hello(1, 2, 3), 11],
      [hello(1, 0, 0), 11],
      [request(1, 'rasen.hello', {}), -32602],
      [request(1, 'rasen.hello', { protocol: { min: '1', max: 1 } }), -32602],
    ] as const) {
      const { paths, seen, server } = await newServer();
      const client = newClient(paths);
      client.send(refused, request(2, 'bump'), { jsonrpc: '2.0', method: 'bump' });
      await client.whenClosed();
      expect(client.lines.map(errorOf)).toEqual([[1, code]]);
      expect(seen.bumps).toBe(0);
      await until(() => server.connections === 0);
    }
  });
});
