/**
 * rasen.log of one project: every line once, whatever happens to the supervisor or to the file. The order of a pass is
 * lines, link, cursor; whichever is missing after a crash is made up for by the next pass. Used by ProjectFolder.
 */

import type { Event } from '../contract/event.ts';
import type { TaskState } from '../engine/state.ts';
import type { Files } from '../host/far-files.ts';
import type { Place } from '../host/foreign-file.ts';
import { placeInside } from './inside.ts';
import {
  alreadyWritten,
  type Behind,
  type Cursor,
  readBehind,
  readCursor,
  saveCursor,
} from './log-cursor.ts';
import { type Batch, type EventsAfter, LogFeed } from './log-feed.ts';
import { lookAtLink, pointLink } from './log-link.ts';
import { RollingLog } from './rolling-log.ts';
import type { Views } from './seed-files.ts';

/** Where the numbered files are, whatever log_file says. */
const LOG_FOLDER = '.rasen/logs';

export class ProjectLog {
  readonly #project: string;
  readonly #files: Files;
  readonly #eventsAfter: EventsAfter;
  readonly #feeds = new Map<string, LogFeed>();
  /** Sequence numbers of the cursor on disk; null: not read yet. */
  #tasks: Cursor['tasks'] | null = null;
  #behind: Behind | null = null;
  #log: RollingLog | null = null;
  /** The options that the open log was made with. */
  #made = '';
  /** Path of the link that we made, while it should be there. */
  #linked: string | null = null;

  constructor(project: string, files: Files, eventsAfter: EventsAfter) {
    this.#project = project;
    this.#files = files;
    this.#eventsAfter = eventsAfter;
  }

  add(state: TaskState, events: readonly Event[]): void {
    let feed = this.#feeds.get(state.id);
    if (!feed) {
      feed = new LogFeed(state.id);
      this.#feeds.set(state.id, feed);
    }
    feed.add(state, events);
  }

  /** Writes what is missing. Returns what went wrong. */
  async write(views: Views): Promise<unknown[]> {
    const behind = [...this.#feeds.values()].filter(feed => feed.isBehind);
    if (behind.length === 0) return [];
    const errors: unknown[] = [];
    try {
      const folder = placeInside(this.#project, LOG_FOLDER);
      const link = placeInside(this.#project, views.log_file);
      const log = await this.#open(folder, link, views);
      for (const feed of behind) errors.push(...(await this.#feed(feed, log)));
      await pointLink(this.#files, link, folder, log.name).then(
        () => {
          this.#linked = link.path;
        },
        (error: unknown) => errors.push(error),
      );
      await log.measure();
      const cursor: Cursor = { version: 1, file: log.name, offset: log.size, tasks: this.#tasks! };
      await saveCursor(this.#files, folder, cursor);
    } catch (error) {
      errors.push(error);
      this.#fail();
    }
    return errors;
  }

  /** No task of the project is at work: keeps only what is still to be written. */
  rest(): void {
    for (const feed of this.#feeds.values()) {
      if (feed.isBehind) feed.rest();
      else this.#feeds.delete(feed.id);
    }
    this.#log = null;
  }

  async #open(folder: Place, link: Place, views: Views): Promise<RollingLog> {
    if (!this.#tasks) {
      const cursor = await readCursor(this.#files, folder);
      this.#behind = await readBehind(this.#files, folder, cursor);
      this.#tasks = { ...cursor?.tasks };
    }
    // Somebody moved or removed the log: the new one begins empty, and what they moved stays as it is.
    const taken =
      this.#linked === link.path && (await lookAtLink(this.#files, link, folder)).kind === 'missing';
    const made = JSON.stringify([views.log_max_bytes, views.log_keep]);
    if (this.#log && (taken || made !== this.#made || !(await this.#log.isThere()))) this.#log = null;
    this.#log ??= await RollingLog.open(this.#files, {
      folder,
      max_bytes: views.log_max_bytes,
      keep: views.log_keep,
      fresh: taken,
    });
    this.#made = made;
    return this.#log;
  }

  /** A journal that cannot be read spoils the lines of its own task only. */
  async #feed(feed: LogFeed, log: RollingLog): Promise<unknown[]> {
    const tasks = this.#tasks!;
    const from = feed.logged ?? tasks[feed.id] ?? 0;
    let batch: Batch | null;
    try {
      batch = feed.pending(from, this.#eventsAfter);
    } catch (error) {
      return [error];
    }
    if (batch) {
      const known = feed.logged === null && this.#behind ? alreadyWritten(batch.lines, this.#behind) : 0;
      await log.append(batch.lines.slice(known).map(line => this.#ended(line)));
    }
    const logged = Math.max(from, batch?.state.seq ?? 0);
    tasks[feed.id] = logged;
    feed.done(logged, batch?.state ?? null);
    return [];
  }

  /** The line with its end; completes or ends a line that a crash cut short. */
  #ended(line: string): string {
    const torn = this.#behind?.torn ?? '';
    if (this.#behind) this.#behind = { ...this.#behind, torn: '' };
    return `${line.startsWith(torn) ? line.slice(torn.length) : `\n${line}`}\n`;
  }

  #fail(): void {
    this.#log = null;
    this.#tasks = null;
    for (const feed of this.#feeds.values()) feed.forget();
  }
}
