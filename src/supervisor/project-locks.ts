/**
 * One project, one supervisor. Another RASEN_HOME, root, or cron can have a supervisor of its own; two of them with tasks
 * in one project would write the same views and move the same branches. While a supervisor has an unfinished task in a
 * project it holds the kernel lock of the project's folder. `.rasen/supervisor.json` says who it is, for messages only.
 */
import { RasenError } from '../contract/errors.ts';
import type { TaskSpec } from '../contract/spec.ts';
import type { FarFiles } from '../host/far-files.ts';
import { type FolderLock, lockFolder } from '../host/folder-lock.ts';
import { userEntry } from '../host/user.ts';
import type { Log } from '../log.ts';

const OWNER_FILE = '.rasen/supervisor.json';
const OWNER_BYTES_MAX = 4096;

interface Owner {
  pid: number;
  user: string;
  home: string;
}

export interface ProjectLocksOptions {
  /** The state folder of this instance. */
  home: string;
  far: Pick<FarFiles, 'files' | 'isFolder'>;
  /** Projects with an unfinished task. */
  unfinished(): ReadonlySet<string>;
  log: Log;
}

export class ProjectLocks {
  readonly #options: ProjectLocksOptions;
  readonly #held = new Map<string, () => void>();
  /** One look at a project at a time. */
  #queue: Promise<unknown> = Promise.resolve();
  /** How many orders for a project are being accepted: it is kept until they are. */
  readonly #wanted = new Map<string, number>();

  constructor(options: ProjectLocksOptions) {
    this.#options = options;
  }

  /**
   * Runs `work` with the project of the order locked. Throws RasenError `project_in_use` with who has it. Plain commands
   * write nothing of ours where they run, and are not kept apart.
   */
  async during<T>(spec: TaskSpec, work: () => Promise<T>): Promise<T> {
    const { project, views } = spec;
    if (views === null) return await work();
    this.#wanted.set(project, (this.#wanted.get(project) ?? 0) + 1);
    try {
      await this.take(project);
      return await work();
    } finally {
      const left = this.#wanted.get(project)! - 1;
      if (left > 0) this.#wanted.set(project, left);
      else this.#wanted.delete(project);
      this.settle();
    }
  }

  /** Throws as above. Where a folder cannot be locked it goes on without. */
  async take(project: string): Promise<void> {
    const taken = this.#queue.then(() => this.#take(project));
    this.#queue = taken.catch(() => {});
    await taken;
  }

  /** Lets go of the projects that have no unfinished task. */
  settle(): void {
    const unfinished = this.#options.unfinished();
    for (const [project, release] of this.#held) {
      if (unfinished.has(project) || this.#wanted.has(project)) continue;
      this.#held.delete(project);
      release();
    }
  }

  close(): void {
    for (const release of this.#held.values()) release();
    this.#held.clear();
  }

  async #take(project: string): Promise<void> {
    const { far, log } = this.#options;
    // A folder that is away is told of by whoever has to work in it.
    if (this.#held.has(project) || !(await far.isFolder(project))) return;
    const lock: FolderLock = await lockFolder(project);
    if (lock.is === 'held') throw inUse(project, await this.#owner(project));
    if (lock.is === 'impossible') {
      log.warn(
        { project },
        `${project} cannot be locked: ${lock.problem}; nothing keeps another supervisor out`,
      );
      return;
    }
    this.#held.set(project, lock.release);
    const owner: Owner = { pid: process.pid, user: userEntry().name, home: this.#options.home };
    const place = { root: project, path: OWNER_FILE };
    const written = await far.files.replace(place, `${JSON.stringify(owner)}\n`);
    if (!written.ok)
      log.warn({ project }, `${OWNER_FILE} of ${project} could not be written: ${written.problem}`);
  }

  async #owner(project: string): Promise<Owner | null> {
    const read = await this.#options.far.files.read({ root: project, path: OWNER_FILE }, OWNER_BYTES_MAX);
    if (!read.ok) return null;
    try {
      const { pid, user, home } = JSON.parse(Buffer.from(read.value).toString('utf8'));
      return { pid: Number(pid), user: String(user), home: String(home) };
    } catch {
      return null;
    }
  }
}

function inUse(project: string, owner: Owner | null): RasenError {
  const who = owner
    ? `the supervisor of ${owner.home} (PID ${owner.pid}, user ${owner.user})`
    : 'another supervisor';
  return new RasenError(
    'project_in_use',
    `${project} is in use by ${who}, which has an unfinished task there. Nothing was started.`,
    {
      hint: owner
        ? `Look at it as that user: RASEN_HOME=${owner.home} rasen list. Let it finish, or cancel it there.`
        : 'Let it finish, or cancel it there.',
      data: { project, ...owner },
    },
  );
}
