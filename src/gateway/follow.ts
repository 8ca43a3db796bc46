/**
 * Logs and events as streams with a cursor. The cursor of a log is the supervisor's own. That of the events of all tasks
 * is how far each of them was told, so that nothing is missing and nothing comes twice after a restart of the reader, of
 * the gateway, of the supervisor or of the machine.
 */
import * as z from 'zod';
import { RasenError } from '../contract/errors.ts';
import type { LogCursor, LogRecord } from '../contract/methods/log.follow.ts';
import type { TaskView } from '../contract/view.ts';
import type { EventWriter } from './sse.ts';
import type { Upstream, Who } from './upstream.ts';

export interface EventRecord {
  task: string;
  seq: number;
  [field: string]: unknown;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

const badCursor = () =>
  new RasenError('usage', 'Last-Event-ID is no cursor of this stream.', {
    hint: 'Send back what the stream gave, or leave it out to begin anew.',
  });

const logCursorText = z.strictObject({
  seq: z.int().min(0),
  outputs: z.record(z.string(), z.int().min(0)),
  ended: z.boolean().optional(),
});

export function readLogCursor(text: string): LogCursor & { ended?: boolean | undefined } {
  const found = logCursorText.safeParse(decode(text));
  if (!found.success) throw badCursor();
  return found.data;
}

export interface LogFollow {
  upstream: Upstream;
  who: Who;
  params: Record<string, unknown> & { task: string };
  from: string | undefined;
  writer: EventWriter;
  /** The message for a batch of records; default: an event `log` with the records. */
  render?(records: readonly LogRecord[]): { event?: string; data: unknown };
}

/** Until the task is over or the reader gone. Ends with an event `end`, unless the reader has seen it before. */
export async function followLog(follow: LogFollow): Promise<void> {
  const { upstream, who, from, writer, render = records => ({ event: 'log', data: { records } }) } = follow;
  let { lines, ...params } = follow.params;
  const given = from === undefined ? undefined : readLogCursor(from);
  let cursor: LogCursor | undefined = given && { seq: given.seq, outputs: given.outputs };
  if (cursor) lines = undefined;
  const end = await upstream.stream<{ cursor: LogCursor; ended: boolean }>(
    who,
    'log.follow',
    () => ({ ...params, follow: true, ...(cursor ? { cursor } : lines === undefined ? {} : { lines }) }),
    async (_method, data: { records: LogRecord[]; cursor: LogCursor }) => {
      if (data.records.length > 0) await writer.send({ id: encode(data.cursor), ...render(data.records) });
      cursor = data.cursor;
    },
    writer.gone,
  );
  const last = end.cursor ?? cursor ?? { seq: 0, outputs: {} };
  if (!given?.ended)
    await writer.send({ id: encode({ ...last, ended: true }), event: 'end', data: { ended: end.ended } });
}

/** What is there, without waiting for more. */
export async function readLog(
  { upstream, who, params }: Pick<LogFollow, 'upstream' | 'who' | 'params'>,
  from: string | undefined,
  bytes_max: number,
  signal: AbortSignal,
): Promise<{ records: LogRecord[]; cursor: string; ended: boolean }> {
  const records: LogRecord[] = [];
  const enough = new AbortController();
  let { lines, ...rest } = params;
  let cursor: LogCursor | undefined;
  if (from !== undefined) {
    const { ended: _, ...at } = readLogCursor(from);
    cursor = at;
    lines = undefined;
  }
  let bytes = 0;
  let cut = false;
  const stop = AbortSignal.any([signal, enough.signal]);
  let ended = false;
  try {
    const end = await upstream.stream<{ cursor: LogCursor; ended: boolean }>(
      who,
      'log.follow',
      () => ({ ...rest, follow: false, ...(cursor ? { cursor } : lines === undefined ? {} : { lines }) }),
      (_method, data: { records: LogRecord[]; cursor: LogCursor }) => {
        if (cut) return;
        records.push(...data.records);
        cursor = data.cursor;
        bytes += data.records.reduce((sum, { text }) => sum + text.length, 0);
        // Larger than one answer should be: the rest is asked for with the cursor.
        if (bytes <= bytes_max) return;
        cut = true;
        enough.abort();
      },
      stop,
    );
    ended = end.ended && !cut;
    cursor = cut ? cursor : (end.cursor ?? cursor);
  } catch (error) {
    if (!cut) throw error;
  }
  return { records, cursor: encode(cursor ?? { seq: 0, outputs: {} }), ended };
}

/** Tasks whose events are told; older ones that are over do not change any more. */
const TASKS_MAX = 1000;
/** Of an id, what tells it from others: the end of its chance. */
const keyOf = (task: string) => task.slice(-10);

/** How far each task was told: `KEY:SEQ,…`, numbers in base 36. */
export class EventCursor {
  readonly #seqs: Map<string, number>;

  constructor(seqs: Map<string, number> = new Map()) {
    this.#seqs = seqs;
  }

  static read(text: string): EventCursor {
    if (!/^(?:e1(?:,[0-9a-z]{10}:[0-9a-z]{1,9})*)$/.test(text)) throw badCursor();
    const pairs = text
      .split(',')
      .slice(1)
      .map(pair => pair.split(':') as [string, string]);
    return new EventCursor(new Map(pairs.map(([key, seq]) => [key, Number.parseInt(seq, 36)])));
  }

  static of(views: readonly Pick<TaskView, 'id' | 'seq'>[]): EventCursor {
    return new EventCursor(new Map(views.map(({ id, seq }) => [keyOf(id), seq])));
  }

  get(task: string): number {
    return this.#seqs.get(keyOf(task)) ?? 0;
  }

  set(task: string, seq: number): void {
    this.#seqs.set(keyOf(task), seq);
  }

  /** Tasks that are not there any more need no place. */
  keep(tasks: readonly string[]): void {
    const keys = new Set(tasks.map(keyOf));
    for (const key of this.#seqs.keys()) if (!keys.has(key)) this.#seqs.delete(key);
  }

  toString(): string {
    return ['e1', ...[...this.#seqs].map(([key, seq]) => `${key}:${seq.toString(36)}`)].join(',');
  }
}

export interface EventsFollow {
  upstream: Upstream;
  who: Who;
  from: string | undefined;
  writer: EventWriter;
}

/**
 * Events of all tasks: from now on, or from the cursor. Begins with an event `hello` that carries the cursor, so that a
 * reader that is cut off before anything happened can come back as well.
 */
export async function followEvents({ upstream, who, from, writer }: EventsFollow): Promise<void> {
  const list = (): Promise<TaskView[]> => upstream.call(who, 'task.list', { limit: TASKS_MAX });
  const first = await list();
  const cursor = from === undefined ? EventCursor.of(first) : EventCursor.read(from);
  cursor.keep(first.map(({ id }) => id));
  await writer.send({ id: String(cursor), event: 'hello', data: { tasks: first.length } });

  const tell = async (event: EventRecord) => {
    if (event.seq <= cursor.get(event.task)) return;
    cursor.set(event.task, event.seq);
    await writer.send({ id: String(cursor), event: 'event', data: event });
  };
  /** What a task has recorded after what was told of it, and before `before`. */
  const fetch = async (task: string, before: number) => {
    await upstream.stream(
      who,
      'event.follow',
      () => ({ task, after: cursor.get(task) }),
      async (_method, data: { events: EventRecord[] }) => {
        for (const event of data.events) if (event.seq < before) await tell(event);
      },
      writer.gone,
    );
  };
  // One after another: what is followed and what is fetched share the cursor.
  let turn: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>) => {
    turn = turn.then(work);
    return turn;
  };
  const catchUp = async (views: readonly TaskView[]) => {
    for (const { id, seq } of views.toReversed()) if (seq > cursor.get(id)) await fetch(id, seq + 1);
  };
  await upstream.stream(
    who,
    'event.follow',
    () => ({ follow: true }),
    (_method, data: { events: EventRecord[] }) =>
      inTurn(async () => {
        for (const event of data.events) {
          if (event.seq > cursor.get(event.task) + 1) await fetch(event.task, event.seq);
          await tell(event);
        }
      }),
    writer.gone,
    // Asked behind the stream on the same connection: whatever is older than its start is in this list.
    client =>
      void client
        .call<TaskView[]>('task.list', { limit: TASKS_MAX })
        .then(views => inTurn(() => catchUp(views)))
        // The connection was lost; the next one asks again.
        .catch(() => {}),
  );
}
