/** The views of one project: when they are written, and which task they show. Used by ProjectViews. */

import type { Event } from '../contract/event.ts';
import type { TaskState } from '../engine/state.ts';
import type { Files } from '../host/far-files.ts';
import { FileSet } from './file-set.ts';
import { needed, placeInside } from './inside.ts';
import { VIEW_LIMITS } from './limits.ts';
import type { EventsAfter } from './log-feed.ts';
import { ProjectLog } from './project-log.ts';
import { hasProcess, pidText, type Views } from './seed-files.ts';

export interface FolderOptions {
  pid: number;
  files: Files;
  eventsAfter: EventsAfter;
  /** Told of what went wrong with the views of a task. */
  complain: (task: string, error: unknown) => void;
}

export class ProjectFolder {
  readonly #options: FolderOptions;
  readonly #log: ProjectLog;
  /** The task that the files show; the log has the lines of all. */
  #shown: TaskState;
  #files: FileSet;
  readonly #live = new Set<string>();
  #dirty = false;
  #running: Promise<void> | null = null;
  #timer: { at: number; stop: () => void } | null = null;
  /** Milliseconds since 1970: no pass before. */
  #notBefore = 0;
  #retries = 0;
  #closed = false;

  constructor(first: TaskState, options: FolderOptions) {
    this.#shown = first;
    this.#options = options;
    this.#files = new FileSet(options.files);
    this.#log = new ProjectLog(first.spec.project, options.files, options.eventsAfter);
  }

  changed(state: TaskState, events: readonly Event[]): void {
    if (this.#closed) return;
    this.#log.add(state, events);
    if (hasProcess(state)) this.#live.add(state.id);
    else this.#live.delete(state.id);
    if (isShownBefore(state, this.#shown)) this.#shown = state;
    this.#dirty = true;
    this.#retries = 0;
    this.#schedule(hasProcess(state) ? this.#notBefore : 0);
  }

  async flush(): Promise<void> {
    while (this.#dirty || this.#running) await (this.#running ?? this.#start());
  }

  /** Writes what is left. The pid in the pid file will be nobody's, so that file goes. */
  async close(): Promise<void> {
    await this.flush();
    this.#closed = true;
    this.#stopTimer();
    try {
      this.#log.rest();
      await this.#removePid();
    } catch (error) {
      this.#options.complain(this.#shown.id, error);
    }
  }

  #schedule(at: number): void {
    if (this.#closed || this.#running || (this.#timer && this.#timer.at <= at)) return;
    this.#stopTimer();
    const timer = setTimeout(() => void this.#start(), Math.max(0, at - performance.now()));
    timer.unref();
    this.#timer = { at, stop: () => clearTimeout(timer) };
  }

  #stopTimer(): void {
    this.#timer?.stop();
    this.#timer = null;
  }

  #start(): Promise<void> {
    this.#stopTimer();
    this.#running ??= this.#pass().finally(() => {
      this.#running = null;
      if (this.#dirty) this.#schedule(hasProcess(this.#shown) ? this.#notBefore : 0);
    });
    return this.#running;
  }

  async #pass(): Promise<void> {
    const began = performance.now();
    this.#dirty = false;
    const shown = this.#shown;
    const views = shown.spec.views as Views;
    const errors = [
      ...(await this.#log.write(views)),
      ...(await this.#files.write(shown, this.#options.pid, Date.now())),
    ];
    for (const error of errors) this.#options.complain(shown.id, error);
    if (this.#live.size === 0 && !this.#dirty) {
      this.#files = new FileSet(this.#options.files);
      this.#log.rest();
    }
    const now = performance.now();
    const gap = Math.min(VIEW_LIMITS.gap_max_ms, (now - began) * VIEW_LIMITS.gap_factor);
    this.#notBefore = now + Math.max(VIEW_LIMITS.gap_ms, gap);
    if (errors.length > 0) this.#retryLater(now);
  }

  #retryLater(now: number): void {
    if (this.#closed || this.#retries >= VIEW_LIMITS.retries) return;
    this.#retries++;
    const timer = setTimeout(() => void this.#start(), VIEW_LIMITS.retry_ms);
    timer.unref();
    this.#stopTimer();
    this.#timer = { at: now + VIEW_LIMITS.retry_ms, stop: () => clearTimeout(timer) };
  }

  async #removePid(): Promise<void> {
    const { project, views } = this.#shown.spec;
    const { files, pid } = this.#options;
    const place = placeInside(project, views!.pid_file);
    const ours = Buffer.from(pidText(pid));
    const read = await files.read(place, ours.length);
    // Missing, or longer: somebody else's.
    if (!read.ok && read.fault !== 'unreadable') return;
    if (ours.equals(needed(place, read))) needed(place, await files.remove(place));
  }
}

/** A project has one set of files: they show the newest task, but rather one that moves than one that does not. */
function isShownBefore(state: TaskState, shown: TaskState): boolean {
  if (state.id === shown.id) return true;
  if (moves(state) !== moves(shown)) return moves(state);
  return Date.parse(state.created_at) >= Date.parse(shown.created_at);
}

const moves = ({ status: { name } }: TaskState) =>
  name === 'pending' || name === 'running' || name === 'waiting';
