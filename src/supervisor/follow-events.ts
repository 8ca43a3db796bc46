/**
 * event.follow: the events of a task from a number on, or of all tasks as they come. What a slow reader has not taken
 * yet is on the disk: a follower keeps a number for each task that it is behind with, and nothing else.
 */

import type { Event } from '../contract/event.ts';
import type { Asked } from '../contract/methods/index.ts';
import type { RequestContext, Send } from '../rpc/server.ts';
import { Changes } from './changes.ts';
import { History } from './history.ts';
import type { Entry, Registry } from './registry.ts';

/** Events of one notification, at most, and the length at which it is long enough: it must fit a frame. */
const BATCH = 200;
const BATCH_CHARS = 128 * 1024;

export async function followEvents(
  registry: Registry,
  params: Asked<'event.follow'>,
  context: RequestContext,
): Promise<{ seq: number }> {
  return params.task === undefined
    ? followAll(registry, params, context)
    : followOne(registry, registry.resolve(params.task), params, context);
}

async function followOne(
  registry: Registry,
  entry: Entry,
  params: Asked<'event.follow'>,
  context: RequestContext,
): Promise<{ seq: number }> {
  const changes = new Changes(registry, changed => changed === entry);
  const history = new History(registry, entry);
  let seq = params.after;
  try {
    for (;;) {
      const mark = changes.count;
      const before = seq;
      await context.turn(send => {
        seq = sendBatch(send, context, entry, history.after(seq)) ?? seq;
      });
      if (context.behind) history.forget();
      if (seq > before) continue;
      history.forget();
      if (!params.follow || entry.state === null) return { seq };
      if (changes.count === mark) await changes.wait(null, context.signal);
      if (context.signal.aborted) return { seq };
    }
  } finally {
    changes.close();
  }
}

async function followAll(
  registry: Registry,
  params: Asked<'event.follow'>,
  context: RequestContext,
): Promise<{ seq: number }> {
  /** Last number that was sent of each task that has more. */
  const behind = new Map<string, number>();
  const changes = new Changes(registry, (entry, _state, [first]) => {
    if (first && !behind.has(entry.id)) behind.set(entry.id, first.seq - 1);
    return first !== undefined;
  });
  try {
    for (;;) {
      const [next] = behind;
      if (!next) {
        if (!params.follow) return { seq: params.after };
        await changes.wait(null, context.signal);
        if (context.signal.aborted) return { seq: params.after };
        continue;
      }
      const [id, seq] = next;
      await context.turn(send => {
        const entry = registry.get(id);
        // Removed meanwhile, with its events.
        const events = entry ? registry.eventsAfter(entry, seq) : [];
        const last = entry && sendBatch(send, context, entry, events);
        // To the end of the line, so that one busy task does not hold up the others; away when nothing is left.
        behind.delete(id);
        if (last && last < events.at(-1)!.seq) behind.set(id, last);
      });
    }
  } finally {
    changes.close();
  }
}

/** Sends the first of the events; gives the number of the last of these, or null: there were none. */
function sendBatch(
  send: Send,
  { id }: RequestContext,
  entry: Entry,
  events: readonly Event[],
): number | null {
  const batch: Record<string, unknown>[] = [];
  let seq: number | null = null;
  for (let chars = 0; chars < BATCH_CHARS && batch.length < Math.min(BATCH, events.length); ) {
    const event = events[batch.length]!;
    const one = { task: entry.id, ...shown(event) };
    chars += JSON.stringify(one).length;
    batch.push(one);
    seq = event.seq;
  }
  if (seq !== null) send('event.data', { request: id, events: batch });
  return seq;
}

/** Events as shown: spec and plan have requests of their own and would not fit a frame. */
function shown(event: Event): Record<string, unknown> {
  if (event.type === 'task_submitted')
    return {
      ...event,
      spec: { id: event.spec.id, name: event.spec.name, goal: event.spec.goal.slice(0, 2000) },
    };
  if (event.type === 'plan_frozen')
    return { ...event, plan: { subtasks: event.plan.subtasks.map(s => s.id) } };
  return { ...event };
}
