/**
 * The output of many commands that run side by side: that of each is shown whole when the command is over, or in the order
 * of the commands. What waits is kept in memory up to a limit; beyond that it is read again when its turn comes.
 */
import type { LogRecord } from '../contract/methods/log.follow.ts';
import { bytesOf } from './log-text.ts';
import type { PassThrough } from './output.ts';

/** Bytes of all outputs that wait. */
const HELD_BYTES_MAX = 32 * 1024 * 1024;
/** After these, nothing more comes of an item. */
const OVER: ReadonlySet<string> = new Set(['step_completed', 'step_failed', 'step_skipped']);

export interface GroupedOptions {
  /** Ids of the items, in order. */
  items: readonly string[];
  /** In the order of the items, and not in that of their ends. */
  keep_order: boolean;
  /** Begins to show the output of one item. */
  open(): PassThrough;
  /** The whole output of an attempt of an item, from where it is kept. */
  again(item: string, attempt: number, show: PassThrough['write']): Promise<void>;
  held_bytes_max?: number;
}

interface Held {
  attempt: number;
  chunks: Uint8Array[];
  bytes: number;
  /** There was no room: it has to be read again. */
  dropped: boolean;
}

export class GroupedOutput {
  readonly #options: GroupedOptions;
  readonly #held = new Map<string, Held>();
  readonly #over = new Set<string>();
  #bytes = 0;
  /** Of `items`: the first that was not shown, where the order is kept. */
  #next = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: GroupedOptions) {
    this.#options = options;
  }

  /** Takes a record of the log, of events too. Does not wait for what it shows. */
  push(record: LogRecord): void {
    const { subtask, attempt } = record;
    if (subtask === null) return;
    if (record.kind === 'output') this.#hold(subtask, attempt ?? 0, bytesOf(record));
    else if (record.kind !== 'event') return;
    else if (record.event === 'step_reset') this.#isDoneAgain(subtask);
    else if (OVER.has(record.event ?? '')) this.#isOver(subtask);
  }

  /** What it printed until now has been shown, or counts no more. */
  #isDoneAgain(item: string): void {
    this.#over.delete(item);
    this.#bytes -= this.#held.get(item)?.bytes ?? 0;
    this.#held.delete(item);
  }

  /** Shows what is left, in order. */
  async end(): Promise<void> {
    for (const item of this.#options.items) this.#isOver(item);
    await this.#writing;
  }

  #hold(item: string, attempt: number, chunk: Uint8Array): void {
    let held = this.#held.get(item);
    // Of one that is done again, the last attempt counts.
    if (held?.attempt !== attempt) {
      this.#bytes -= held?.bytes ?? 0;
      held = { attempt, chunks: [], bytes: 0, dropped: false };
      this.#held.set(item, held);
    }
    if (held.dropped) return;
    held.chunks.push(chunk);
    held.bytes += chunk.length;
    this.#bytes += chunk.length;
    if (this.#bytes <= (this.#options.held_bytes_max ?? HELD_BYTES_MAX)) return;
    this.#bytes -= held.bytes;
    Object.assign(held, { chunks: [], bytes: 0, dropped: true });
  }

  #isOver(item: string): void {
    if (this.#over.has(item)) return;
    this.#over.add(item);
    const { items, keep_order } = this.#options;
    // One whose turn was before is done again.
    if (!keep_order || items.indexOf(item) < this.#next) this.#show(item);
    for (; keep_order && this.#over.has(items[this.#next] ?? ''); this.#next++)
      this.#show(items[this.#next]!);
  }

  #show(item: string): void {
    const held = this.#held.get(item);
    if (!held) return;
    this.#held.delete(item);
    const { open, again } = this.#options;
    this.#writing = this.#writing.then(async () => {
      const shown = open();
      if (held.dropped) await again(item, held.attempt, bytes => shown.write(bytes));
      else for (const chunk of held.chunks) await shown.write(chunk);
      await shown.end();
      this.#bytes -= held.bytes;
    });
    // `end` tells of it.
    this.#writing.catch(() => {});
  }
}
