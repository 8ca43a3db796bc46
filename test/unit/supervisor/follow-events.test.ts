/** Who follows the events of all tasks and does not read for a while. */
import { expect, it } from 'vitest';
import type { Event } from '../../../src/contract/event.ts';
import type { RequestContext, Send } from '../../../src/rpc/server.ts';
import { followEvents } from '../../../src/supervisor/follow-events.ts';
import type { Entry, Listener, Registry } from '../../../src/supervisor/registry.ts';

const EVENTS = 12_000;
const TASKS = ['a', 'b', 'c'];

it('gets every event of every task in its order, however many came meanwhile, and nothing is held for it', async () => {
  const journals = new Map(TASKS.map(id => [id, [] as Event[]]));
  let tell: Listener = () => {};
  let asked = 0;
  const registry = {
    get: (id: string) => ({ id }),
    eventsAfter: ({ id }: Entry, seq: number) => {
      asked++;
      return journals.get(id)!.slice(seq);
    },
    listen: (listener: Listener) => {
      tell = listener;
      return () => {};
    },
  } as unknown as Registry;
  const happen = (id: string) => {
    const events = journals.get(id)!;
    const event = { seq: events.length + 1, type: 'task_started', t: '', mono: 0, epoch: 1 } as Event;
    events.push(event);
    tell({ id } as Entry, null as never, [event]);
  };
  const got: { task: string; seq: number }[] = [];
  const send: Send = (_method, params) => {
    got.push(...(params as { events: typeof got }).events);
  };
  const closing = new AbortController();
  const { promise: reads, resolve: read } = Promise.withResolvers<void>();
  const context = {
    id: 1,
    signal: closing.signal,
    turn: async (work: (send: Send) => unknown) => {
      await reads;
      return work(send);
    },
  } as unknown as RequestContext;
  const following = followEvents(registry, { after: 0, follow: true }, context);
  for (let n = 0; n < EVENTS; n++) happen(TASKS[n % TASKS.length]!);
  expect(asked).toBe(0);
  read();
  while (got.length < EVENTS) await new Promise(resolve => setImmediate(resolve));
  happen('b');
  while (got.length < EVENTS + 1) await new Promise(resolve => setImmediate(resolve));
  closing.abort();
  await following;
  for (const id of TASKS) {
    const seqs = got.filter(({ task }) => task === id).map(({ seq }) => seq);
    expect(seqs).toEqual(journals.get(id)!.map(({ seq }) => seq));
  }
});
