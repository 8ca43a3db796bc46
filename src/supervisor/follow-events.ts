/** event.follow: the events of a task from a number on, or of all tasks as they come. */
import type { RequestContext } from '../rpc/server.ts';
import type { Event } from '../task/event.ts';
import type { Entry, Registry } from './registry.ts';

const BATCH = 200;
/** Events that may wait for a slow reader of all tasks before its request ends. */
const MAX_PENDING = 10_000;

interface Params {
  task?: string | undefined;
  after: number;
  follow: boolean;
}

export async function followEvents(
  registry: Registry,
  params: Params,
  context: RequestContext,
): Promise<{ seq: number }> {
  const only = params.task === undefined ? null : registry.resolve(params.task);
  const pending: { task: string; event: Event }[] = [];
  let wake: (() => void) | null = null;
  const stop = registry.listen((entry, _state, events) => {
    if (only ? entry !== only : pending.length > MAX_PENDING) return;
    if (!only) pending.push(...events.map(event => ({ task: entry.id, event })));
    wake?.();
  });
  try {
    let seq = params.after;
    for (;;) {
      const batch = only ? next(registry, only, seq) : pending.splice(0, BATCH);
      if (batch.length > 0) {
        await context.notify('event.data', {
          request: context.id,
          events: batch.map(({ task, event }) => ({ task, ...shown(event) })),
        });
        seq = only ? batch.at(-1)!.event.seq : seq;
        continue;
      }
      const over = only !== null && only.state === null;
      if (!params.follow || over || context.signal.aborted) return { seq };
      await new Promise<void>(resolve => {
        wake = resolve;
        context.signal.addEventListener('abort', () => resolve(), { once: true });
      });
      wake = null;
    }
  } finally {
    stop();
  }
}

function next(registry: Registry, entry: Entry, seq: number): { task: string; event: Event }[] {
  return registry
    .eventsAfter(entry, seq)
    .slice(0, BATCH)
    .map(event => ({ task: entry.id, event }));
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
