/**
 * Requests that were broken at random, from who has no token: none gets through, none is answered with an error of ours, and
 * the memory of the gateway stays as it is. RASEN_TEST_LONG=1: a million.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { GatewayRig } from '../support/gateway.ts';
import { commandSpec } from '../support/instance.ts';
import { LONG } from '../support/long.ts';

const REQUESTS = LONG ? 1_000_000 : 400;
const CONNECTIONS = 8;
/** What a process of Node grows by without losing anything, and some. */
const GROWTH_MIB_MAX = 80;
const SEED = 15;
/** What has its head is whole by then. */
const ANSWERED_MS = 20;
const SILENT_MS = 5000;

let rig: GatewayRig;
afterEach(() => rig.close());

/** mulberry32: the same numbers in each run. */
function numbers(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const residentMib = (pid: number) =>
  Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024);

test(
  `${REQUESTS} fuzzed requests: none through, memory flat`,
  async () => {
    rig = new GatewayRig();
    await rig.start();
    const { folder } = rig.instance;
    const spec = commandSpec(['sleep', '600'], folder, { name: 'hidden-name' });
    const id = (await rig.ask('/v1/tasks', { body: { spec, env: {} } })).json.task.id;
    const { hostname, port, host } = new URL(rig.url);
    const random = numbers(SEED);
    const below = (n: number) => Math.floor(random() * n);
    const one = <T>(list: readonly T[]): T => list[below(list.length)]!;
    const body = JSON.stringify({ spec, env: {} });
    const templates = (): string => {
      const path = one([
        ...[
          '/',
          '/v1/tasks',
          `/v1/tasks/${id}`,
          `/v1/tasks/${id}/cancel`,
          `/v1/tasks/${id}/log`,
          '/v1/events',
        ],
        ...['/session', '/metrics', '/hooks/x', '/api/create-task', '/api/tasks', '/livez', '/v1/daemon/gc'],
        `/v1/tasks?cursor=${'x'.repeat(below(200))}`,
      ]);
      const login = one([
        ...[
          '',
          '',
          'Authorization: Bearer rasen_x\r\n',
          `Authorization: Bearer ${'A'.repeat(below(300))}\r\n`,
        ],
        ...[
          'Authorization: Basic cm9vdDo=\r\n',
          'Cookie: rasen_session=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n',
        ],
        ...[
          'Tailscale-User-Login: me@example.com\r\n',
          'X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n',
        ],
      ]);
      const head = `Connection: close\r\nHost: ${one([host, host, host, 'rasen', 'evil.example', ''])}\r\n${login}`;
      if (random() < 0.5)
        return `${one(['GET', 'HEAD', 'OPTIONS', 'DELETE', 'TRACE'])} ${path} HTTP/1.1\r\n${head}\r\n`;
      const type = `Content-Type: ${one(['application/json', 'text/plain', 'application/json; charset=x'])}\r\n`;
      const sent = one([body, '{}', '{"code":"x"}', '[[['.repeat(below(500)), '{"__proto__":{}}']);
      const length = one([sent.length, sent.length, below(99_999), -1, 'x']);
      return `POST ${path} HTTP/1.1\r\n${head}${type}Content-Length: ${length}\r\n\r\n${sent}`;
    };
    const broken = (): Buffer => {
      const bytes = Buffer.from(templates());
      for (let n = below(4); n > 0; n--) {
        const at = below(bytes.length);
        if (random() < 0.7) bytes[at] = below(256);
        else bytes.copy(bytes, at, below(bytes.length));
      }
      return random() < 0.1 ? bytes.subarray(0, below(bytes.length)) : bytes;
    };

    const statuses = new Map<string, number>();
    const leaks: string[] = [];
    const send = (bytes: Buffer) =>
      new Promise<void>(resolve => {
        const socket = connect(Number(port), hostname);
        let text = '';
        // One that is kept open, or gets no answer, is not waited for.
        let timer = setTimeout(() => socket.destroy(), SILENT_MS);
        socket.setEncoding('latin1').on('data', chunk => {
          if (text === '') {
            clearTimeout(timer);
            timer = setTimeout(() => socket.destroy(), ANSWERED_MS);
          }
          text += chunk;
        });
        socket.on('error', () => {});
        socket.on('close', () => {
          clearTimeout(timer);
          const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 'none';
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          if (/hidden-name|rasen_build_info|set-cookie: rasen_session=[\w-]{20}/i.test(text))
            leaks.push(text.slice(0, 500));
          resolve();
        });
        // Not ended: whoever has hung up gets no answer.
        socket.write(bytes);
      });
    let left = REQUESTS;
    const sender = async () => {
      while (left-- > 0) await send(broken());
    };
    const flood = (count: number) => {
      left = count;
      return Promise.all(Array.from({ length: CONNECTIONS }, sender));
    };
    const warm = Math.min(10_000, REQUESTS / 3);
    await flood(warm);
    const { pid } = rig.child!;
    const before = residentMib(pid!);
    await flood(REQUESTS - warm);
    const after = residentMib(pid!);

    console.log(
      `${REQUESTS} requests: ${JSON.stringify(Object.fromEntries([...statuses].sort()))}; ${before} → ${after} MiB`,
    );
    expect(leaks).toEqual([]);
    // They came as far as each of the doors.
    expect([...statuses.keys()]).toEqual(expect.arrayContaining(['400', '401', '405', '415', '421', '429']));
    expect([...statuses.keys()].filter(status => /^5/.test(status))).toEqual([]);
    // Whatever was answered with 200 is open to everybody: the page, and health.
    expect(statuses.has('202')).toBe(false);
    expect(after - before).toBeLessThan(GROWTH_MIB_MAX);
    const tasks = (await rig.ask('/v1/tasks')).json;
    expect(tasks.map((task: { id: string; exit_code: number | null }) => [task.id, task.exit_code])).toEqual([
      [id, null],
    ]);
    expect((await rig.ask(`/v1/tasks/${id}/cancel`, { body: {} })).status).toBe(200);
  },
  LONG ? 7_200_000 : 300_000,
);
