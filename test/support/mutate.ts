/** Frames that no client should send: valid requests changed, and bytes that never were one. Seeded. */
import { randomFillSync } from 'node:crypto';
import type { Rng } from '../crash/simulation-random.ts';

/** What is asked of no task that there is, and changes nothing. */
const VALID: readonly [string, unknown][] = [
  ['rasen.hello', { protocol: { major: 1, minor: 0 }, client: { name: 'x', version: '0' } }],
  ['task.list', {}],
  ['task.get', { task: '01kaaaaaaaaaaaaaaaaaaaaaaa' }],
  ['task.stop', { task: 'nobody', op: 'o', force: false }],
  ['task.note', { task: 'nobody', text: 'hello', op: 'o' }],
  ['task.wait', { tasks: ['nobody'], through_limits: false }],
  ['log.follow', { task: 'nobody', follow: true, cursor: { seq: 1, outputs: { 'a/1': 3 } } }],
  ['event.follow', { task: 'nobody', after: 3, follow: true }],
  ['task.report', { tasks: ['nobody'], since: '2026-01-01T00:00:00Z' }],
  ['task.run', { spec: { version: 1, id: 'x', limits: {}, plan: null }, env: {} }],
];
const ODD = [
  '1e999',
  '-0',
  '9007199254740993',
  '123456789012345678901234567890',
  '"\\u0000"',
  '"\\ud800"',
  'null',
  '[]',
  '{}',
  'true',
  '""',
  '{"__proto__":{"polluted":1}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
];

/** One frame with its newline. Lines of the longest kind are rare: they end the connection that sends them. */
export function hostileFrame(rng: Rng, id: number): Buffer {
  const [method, params] = rng.pick(VALID);
  const text = JSON.stringify({ jsonrpc: '2.0', id, method, params });
  return Buffer.concat([bytesOf(rng, text, id), Buffer.from('\n')]);
}

function bytesOf(rng: Rng, text: string, id: number): Buffer {
  const odd = rng.pick(ODD);
  switch (rng.int(0, 11)) {
    case 0:
      return randomFillSync(Buffer.alloc(rng.int(1, 200)));
    case 1:
      return flipped(rng, text);
    case 2:
      return Buffer.from(text.slice(0, rng.int(0, text.length)));
    case 3:
      return Buffer.from(`${'['.repeat(rng.int(1, 2000))}${text}`);
    case 4: {
      const deep = rng.int(1, 2000);
      return Buffer.from(
        `{"jsonrpc":"2.0","id":${id},"method":"task.list","params":${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}}`,
      );
    }
    case 5:
      return Buffer.from(text.replace(/"params":.*/, `"params":${odd}}`));
    case 6:
      return Buffer.from(text.replace(/"id":\d+/, `"id":${odd}`));
    case 7:
      return Buffer.from(text.replace('{', `{"method":"task.get","__proto__":{"id":1},"id":${id},`));
    case 8:
      return Buffer.from(`[${Array.from({ length: rng.int(0, 70) }, () => text).join(',')}]`);
    case 9:
      return Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0xc3, 0x28, 0xff])]);
    case 10:
      return rng.chance(0.01)
        ? Buffer.alloc(1_100_000, 0x20 + rng.int(0, 90))
        : Buffer.from(`"${'x'.repeat(rng.int(0, 5000))}"`);
    default:
      return Buffer.from(text);
  }
}

function flipped(rng: Rng, text: string): Buffer {
  const bytes = Buffer.from(text);
  for (let n = rng.int(1, 4); n > 0; n--) bytes[rng.int(0, bytes.length - 1)] = rng.int(0, 255);
  return bytes;
}
