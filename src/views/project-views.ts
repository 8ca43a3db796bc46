/**
 * The views: keeps the seed's files under `<project>/.rasen/` up to what the journal says, for scripts and people. Used by
 * the supervisor, which tells it of every change. It only reads: nothing that happens to a view changes a task, and
 * nothing that goes wrong here disturbs one.
 */
import { messageOf } from '../contract/errors.ts';
import type { Event } from '../contract/event.ts';
import type { TaskState } from '../engine/state.ts';
import type { Files } from '../host/far-files.ts';
import type { Log } from '../log.ts';
import type { EventsAfter } from './log-feed.ts';
import { ProjectFolder } from './project-folder.ts';

export interface ProjectViewsOptions {
  /** Process of the supervisor. */
  pid: number;
  /** Writes and reads in the project, whose disk may hang. */
  files: Files;
  log: Pick<Log, 'warn'>;
  /** Reads the journal of a task; used for the lines that are missing after a restart. */
  eventsAfter: EventsAfter;
}

export class ProjectViews {
  readonly #options: ProjectViewsOptions;
  readonly #folders = new Map<string, ProjectFolder>();
  /** Tasks whose trouble was logged; once is enough. */
  readonly #complained = new Set<string>();

  constructor(options: ProjectViewsOptions) {
    this.#options = options;
  }

  /** `events` led to `state`; none at the start of the supervisor, when the views are only brought up to date. */
  changed(state: TaskState, events: readonly Event[]): void {
    if (!state.spec.views) return;
    const { project } = state.spec;
    let folder = this.#folders.get(project);
    if (!folder) {
      folder = new ProjectFolder(state, {
        pid: this.#options.pid,
        files: this.#options.files,
        eventsAfter: this.#options.eventsAfter,
        complain: (task, error) => this.#complain(project, task, error),
      });
      this.#folders.set(project, folder);
    }
    folder.changed(state, events);
  }

  /** Resolves when everything that changed in these projects (default: in all) was written, or could not be. */
  async flush(projects: Iterable<string> = this.#folders.keys()): Promise<void> {
    await Promise.all([...new Set(projects)].map(project => this.#folders.get(project)?.flush()));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#folders.values()].map(folder => folder.close()));
    this.#folders.clear();
  }

  #complain(project: string, task: string, error: unknown): void {
    if (this.#complained.has(task)) return;
    this.#complained.add(task);
    this.#options.log.warn(
      { task, project, error: messageOf(error) },
      'the views of a task are not up to date',
    );
  }
}
