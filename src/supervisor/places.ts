/** Where the parts of a task are, made from its state: folders of jobs, result files, checkouts. No input or output. */
import { join, resolve } from 'node:path';
import type { Step, TaskState } from '../engine/state.ts';
import { folderOfStep } from '../engine/working-folder.ts';
import type { Place } from '../host/foreign-file.ts';
import type { Paths } from '../paths.ts';
import { SESSION_FILE } from '../runner/attempt-dir.ts';
import type { SessionOrder } from '../session/order.ts';
import { jobFolder, taskFiles } from '../store/file/layout.ts';

/** Where the notes for the session of a job are put, when it can be spoken with. */
export const notesFolder = (folder: string): string => join(folder, 'notes');

/** Folder of a job, below that of its task. */
export const jobInTask = (job: string): string => jobFolder('', '', job);

export class Places {
  readonly #paths: Paths;

  constructor(paths: Paths) {
    this.#paths = paths;
  }

  /** The same, with the folders of tasks below another one; see `LocalStore.hold`. */
  below(tasks: string): Places {
    return new Places({ ...this.#paths, tasks });
  }

  /** What is remembered of repositories, and our git directories. */
  get repositories(): string {
    return join(this.#paths.home, 'git');
  }

  /** What no program of a task has a look into. */
  get closed(): string[] {
    return [this.#paths.home, this.#paths.runtime];
  }

  /** What is kept of a task that is not packed. */
  task(task: string): string {
    return taskFiles(this.#paths.tasks, task).folder;
  }

  /** The environment that runners of its jobs read. */
  env(task: string): string {
    return taskFiles(this.#paths.tasks, task).env;
  }

  /** What was piped into it. */
  input(task: string): string {
    return taskFiles(this.#paths.tasks, task).input;
  }

  /** Folder of the folders of jobs. */
  attempts(task: string): string {
    return taskFiles(this.#paths.tasks, task).attempts;
  }

  job(task: string, job: string): string {
    return jobFolder(this.#paths.tasks, task, job);
  }

  /** What an agent that is spoken with is told, and says, beside its output; of the job in `folder`. */
  talk(folder: string): Pick<SessionOrder, 'notes_dir' | 'locks_dir' | 'identity_file'> {
    return {
      notes_dir: notesFolder(folder),
      locks_dir: this.#paths.sessions,
      identity_file: join(folder, SESSION_FILE),
    };
  }

  /** Folder for the result files of a task: not among the state, so that no agent is pointed there. */
  results(task: string): string {
    return join(this.#paths.runtime, 'results', task);
  }

  /** Folder of the sockets of sandboxes, each in a folder of its own that is named after its job. */
  get doors(): string {
    return join(this.#paths.runtime, 'd');
  }

  /** Result file of one job; stays until the task is over, since a crash may make it be read again. */
  resultFile(task: string, nonce: string): string {
    const { root, path } = this.resultPlace(task, nonce);
    return join(root, path);
  }

  /** Where it is read: the folders on the way to it can be written by the agent, too. */
  resultPlace(task: string, nonce: string): Place {
    return { root: this.#paths.runtime, path: join('results', task, nonce, 'result.json') };
  }

  /** A checkout beside the task's worktree: `final`, `review`, `merge`. */
  checkout(state: TaskState, purpose: string): string {
    const { workspace } = state.spec;
    if (workspace.kind !== 'git') return state.spec.project;
    // The worktrees of a package are at the top of its repository, where its tools do not look for tests.
    const { repository, spec } = state;
    const top = repository?.folder ? repository.root : spec.project;
    return join(resolve(top, workspace.base_path), `${purpose}-${workspace.slug}`);
  }

  /** Where the work of a step happens. */
  cwd(state: TaskState, step: Step): string {
    return join(this.root(state, step), folderOfStep(state, step) ?? '');
  }

  /** Top of the checkout in which a step happens; outside git the project. */
  root(state: TaskState, step: Step): string {
    if (state.spec.workspace.kind !== 'git') return state.spec.project;
    if (step.kind === 'final') return this.checkout(state, 'final');
    if (!state.workspace) throw new Error(`task ${state.id} has no workspace yet`);
    return state.workspace.path;
  }
}
