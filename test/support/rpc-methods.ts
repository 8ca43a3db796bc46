/** Methods for the tests of src/rpc: what a handler can do right and wrong. Shared by in-process and process tests. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RasenError } from '../../src/contract/errors.ts';
import { invalidParams } from '../../src/rpc/message.ts';
import type { Handler, RequestContext } from '../../src/rpc/server.ts';

export interface Seen {
  bumps: number;
  running: number;
  most_running: number;
  aborted: string[];
  flooded_bytes: number;
}

/** A parsed message or params; the tests say by their assertions what is in it. */
// biome-ignore lint/suspicious/noExplicitAny: see above.
export type Json = any;

type Params = Record<string, Json>;

export function testMethods(): { methods: Map<string, Handler>; seen: Seen; ring: Ring } {
  const seen: Seen = { bumps: 0, running: 0, most_running: 0, aborted: [], flooded_bytes: 0 };
  const ring = new Ring(1000);
  const table: Record<string, (params: Params, context: RequestContext) => unknown> = {
    echo: params => params,
    bump: () => {
      seen.bumps += 1;
      return seen.bumps;
    },
    seen: () => ({ ...seen }),
    memory: () => ({
      rss: process.memoryUsage().rss,
      cpu_us: process.cpuUsage().user + process.cpuUsage().system,
    }),
    async later({ ms, value }, { signal }) {
      seen.running += 1;
      seen.most_running = Math.max(seen.most_running, seen.running);
      try {
        await sleep(ms, undefined, { signal });
        return value ?? null;
      } finally {
        seen.running -= 1;
      }
    },
    hang: (_params, { signal }) =>
      new Promise((_resolve, reject) => {
        seen.running += 1;
        signal.addEventListener('abort', () => {
          seen.running -= 1;
          seen.aborted.push((signal.reason as RasenError).kind);
          reject(signal.reason);
        });
      }),
    deaf: () => new Promise(() => {}),
    /** Gives its result although it was cancelled, `ms` later. */
    finishes_anyway: async ({ ms }, { signal }) => {
      seen.running += 1;
      await new Promise(resolve => signal.addEventListener('abort', resolve));
      await sleep(ms);
      seen.running -= 1;
      return { aborted: signal.aborted };
    },
    expected: () => {
      throw new RasenError('task_unknown', 'There is no task "x".', {
        hint: 'rasen list',
        data: { id: 'x' },
      });
    },
    bug: () => {
      throw new Error('secret of /home/someone');
    },
    bug_later: async () => {
      throw new TypeError('secret of /home/someone');
    },
    no_json: () => ({ value: 1n }),
    wrong_params: () => {
      throw invalidParams([{ path: ['limits', 0], message: 'too small' }]);
    },
    nothing: () => undefined,
    big: ({ bytes }) => 'x'.repeat(bytes),
    /** Sends `bytes` of data, or for ever. */
    async flood({ bytes, record_bytes }, context) {
      const record = 'x'.repeat(record_bytes);
      let sent = 0;
      try {
        while (bytes === undefined || sent < bytes) {
          await context.notify('flood.data', { record });
          sent += record_bytes;
          seen.flooded_bytes += record_bytes;
        }
      } catch (error) {
        if (!context.signal.aborted) throw error;
        seen.aborted.push((context.signal.reason as RasenError).kind);
      }
      return { sent };
    },
    append: ({ count }) => {
      for (let n = 0; n < count; n++) ring.append();
      return ring.next;
    },
    follow: ({ from }, context) =>
      ring.follow(from ?? 0, { signal: context.signal, notify: (m, p) => context.notify(m, p) }),
  };
  const methods = new Map<string, Handler>();
  for (const [name, method] of Object.entries(table))
    methods.set(name, (params, context) => method((params ?? {}) as Params, context));
  return { methods, seen, ring };
}

/** A bounded ring of numbered records, and followers that own a cursor into it and no queue. */
export class Ring {
  next = 0;
  readonly #size: number;
  #waiting = new Set<() => void>();

  constructor(size: number) {
    this.#size = size;
  }

  append(): void {
    this.next += 1;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Ends with {sent, dropped, next} when the request is cancelled. */
  async follow(from: number, { signal, notify }: Pick<RequestContext, 'signal' | 'notify'>) {
    let cursor = from;
    let sent = 0;
    let dropped = 0;
    while (!signal.aborted) {
      const oldest = Math.max(0, this.next - this.#size);
      let ready: Promise<void>;
      if (cursor < oldest) {
        ready = notify('log.gap', { from: cursor, to: oldest });
        dropped += oldest - cursor;
        cursor = oldest;
      } else if (cursor < this.next) {
        ready = notify('log.data', { records: [{ seq: cursor, text: 'x'.repeat(1000) }] });
        sent += 1;
        cursor += 1;
      } else ready = this.#more(signal);
      await ready.catch(() => {});
    }
    return { sent, dropped, next: cursor };
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.add(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
