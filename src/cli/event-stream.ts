/**
 * Events as they are recorded, over restarts of the supervisor. Of one task the cursor is the number of the last event.
 * Of all tasks the supervisor tells only what comes, so what a restart hid is seen by its numbers, which are dense, and
 * fetched task by task.
 */
import { RasenError } from '../contract/errors.ts';
import type { Client, TaskView } from '../index.ts';
import type { Disk, Link } from './link.ts';

export interface EventRecord {
  task: string;
  seq: number;
  [field: string]: unknown;
}

type Show = (event: EventRecord) => Promise<void> | undefined;

export interface EventRequest {
  /** One task; absent: all. */
  task?: string | undefined;
  after: number;
  follow: boolean;
  show: Show;
}

export async function readEvents(link: Link, { task, after, follow, show }: EventRequest): Promise<void> {
  if (task === undefined && !follow) return await pastEvents(link, show);
  if (task === undefined) return await allEvents(link, show);
  let seq = after;
  const attempt = (client: Pick<Client, 'stream'>, alive: () => void) =>
    client.stream(
      'event.follow',
      { task, after: seq, follow },
      async (_method, data: { events: EventRecord[] }) => {
        alive();
        for (const event of data.events) {
          if (event.seq <= seq) continue;
          await show(event);
          seq = event.seq;
        }
      },
    );
  let left: TaskView | null = null;
  const settled = async (disk: Disk) => {
    if (disk.goesOn([task])) return undefined;
    left = await disk.call('task.get', { task });
    return await attempt(disk, () => {});
  };
  await link.persist(attempt, {
    ...(follow ? { settled } : { reads: true }),
    patience_ms: link.limits.stream_patience_ms,
  });
  const last = left as TaskView | null;
  if (last && !OVER.has(last.status)) throw stopped(last);
}

const OVER: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled']);

/** What was followed does not go on, and nobody is there who would see it do so. */
export function stopped({ id, status }: Pick<TaskView, 'id' | 'status'>): RasenError {
  return new RasenError('unreachable', `The supervisor has ended, and task ${id} is ${status}.`, {
    hint: `Go on with: rasen resume ${id}`,
    data: { task: id, status },
  });
}

/** Most tasks that are looked at after a restart. */
const MAX_TASKS = 1000;

/** What was recorded so far, task by task, the oldest first. */
async function pastEvents(link: Link, show: Show): Promise<void> {
  const tasks = await link.call('task.list', { limit: MAX_TASKS });
  for (const { id } of tasks.toReversed())
    await readEvents(link, { task: id, after: 0, follow: false, show });
}

async function allEvents(link: Link, show: Show): Promise<void> {
  const seen = new Map<string, number>();
  const first = await link.call('task.list', { limit: MAX_TASKS });
  for (const view of first) seen.set(view.id, view.seq);
  const one = async (event: EventRecord) => {
    const last = seen.get(event.task) ?? 0;
    if (event.seq <= last) return;
    if (event.seq > last + 1) await fetchMissed(link, event.task, last, event.seq, seen, show);
    if (event.seq <= (seen.get(event.task) ?? 0)) return;
    await show(event);
    seen.set(event.task, event.seq);
  };
  await link.persist(
    async (client, alive) => {
      // One after another: the notifications and what is fetched beside them share the cursors.
      let turn = Promise.resolve();
      const inTurn = (work: () => Promise<void>) => {
        turn = turn.then(work);
        return turn;
      };
      const following = client.stream(
        'event.follow',
        { follow: true },
        (_method, data: { events: EventRecord[] }) => {
          alive();
          return inTurn(async () => {
            for (const event of data.events) await one(event);
          });
        },
      );
      // Asked behind the stream on the same connection: whatever is older than its start is in this list.
      const listed = client
        .call('task.list', { limit: MAX_TASKS })
        .then(views => inTurn(() => catchUp(views)));
      await Promise.all([following, listed]);
    },
    {
      settled: async disk => {
        if (disk.goesOn()) return undefined;
        throw new RasenError('unreachable', 'The supervisor has ended, and no task goes on.', {
          hint: 'rasen list tells how they stand; the next command that needs a supervisor starts one.',
        });
      },
      patience_ms: link.limits.stream_patience_ms,
    },
  );

  async function catchUp(views: TaskView[]): Promise<void> {
    for (const { id, seq } of views) {
      const last = seen.get(id) ?? 0;
      if (seq > last) await fetchMissed(link, id, last, seq + 1, seen, show);
    }
  }
}

/** Shows the events of a task after `after` and before `before`, over a connection of its own. */
async function fetchMissed(
  link: Link,
  task: string,
  after: number,
  before: number,
  seen: Map<string, number>,
  show: Show,
): Promise<void> {
  const client = await link.extra();
  try {
    await client.stream('event.follow', { task, after }, async (_method, data: { events: EventRecord[] }) => {
      for (const event of data.events) {
        if (event.seq >= before || event.seq <= (seen.get(task) ?? 0)) continue;
        await show(event);
        seen.set(task, event.seq);
      }
    });
  } finally {
    client.close();
  }
}
