/**
 * The project side of a task: `.rasen/` with the task text, the plan and the id that `rasen init` chose. The supervisor
 * never reads these; `rasen run` hands them over by value.
 */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import { foreignError, readForeign, replaceForeign } from '../host/foreign-file.ts';
import type { Context } from './context.ts';

/** `.rasen/task.json`. Unknown fields of a later version are kept. */
export interface TaskFile {
  version: 1;
  id: string;
  created_at: string;
  /** The plan file that `init` was given, for people; its content is in plan.json. */
  plan_file: string | null;
  /** Commit to start from; null: HEAD when the task is run. */
  base: string | null;
  /** What it is called until it is run. */
  status: 'initialized' | 'reinitialized';
  /** When a supervisor accepted the task; null: not run yet. */
  submitted_at: string | null;
  /** Where the views of the task are, relative to the project; known once it was run. */
  views: { status_file: string; pid_file: string; log_file: string } | null;
}

/** Largest file that is read here, in bytes: more than a task text may have. */
const TEXT_BYTES_MAX = 16 * 1024 * 1024;

export const DEFAULT_VIEWS = {
  status_file: '.rasen/status.json',
  pid_file: '.rasen/rasen.pid',
  log_file: '.rasen/rasen.log',
} as const;

export interface Project {
  /** The folder that has `.rasen/`; absolute. */
  root: string;
  task: TaskFile;
}

export const inProject = (root: string, name: string) => join(root, '.rasen', name);

/** The project of a folder: it or the nearest parent with `.rasen/task.json`. Throws `damaged` when that is no task file. */
export function findProject(cwd: string): Project | null {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const file = inProject(folder, 'task.json');
    if (existsSync(file)) return { root: folder, task: readTaskFile(folder) };
    if (folder === dirname(folder)) return null;
  }
}

/** Throws RasenError `no_project`. */
export function needProject(cwd: string): Project {
  const project = findProject(cwd);
  if (project) return project;
  throw new RasenError('no_project', `No task was made in ${cwd} or a folder above it.`, {
    hint: 'Make one with: rasen init --task "…", or name a task: rasen list shows them.',
  });
}

function readTaskFile(root: string): TaskFile {
  const file = inProject(root, 'task.json');
  let value: Partial<TaskFile> | null = null;
  try {
    value = JSON.parse(readBelow(root, '.rasen/task.json'));
  } catch (error) {
    if (error instanceof RasenError) throw error;
    if (!(error instanceof SyntaxError)) throw unreadable(file, error);
  }
  if (value === null || typeof value !== 'object' || !/^[0-9a-hjkmnp-tv-z]{26}$/.test(value.id ?? ''))
    throw unreadable(file, undefined);
  if (value.version !== 1)
    throw new RasenError('version', `${file} was written by a newer rasen.`, { data: { file } });
  return {
    plan_file: null,
    base: null,
    status: 'initialized',
    submitted_at: null,
    views: null,
    created_at: '',
    ...value,
  } as TaskFile;
}

function unreadable(file: string, cause: unknown): RasenError {
  return new RasenError('damaged', `${file} is not a task file of rasen.`, {
    hint: 'Move it away and make a new task with: rasen init',
    data: { file },
    cause,
  });
}

export function saveTaskFile(project: Project): void {
  writeWhole(project.root, '.rasen/task.json', `${JSON.stringify(project.task, null, 2)}\n`);
}

/**
 * The text of a file that may have come with a clone: a FIFO or a link in its place is an error, and nothing to wait for
 * or to follow. Throws RasenError `damaged`, or what the system says.
 */
export function readBelow(root: string, path: string): string {
  const read = readForeign({ root, path }, TEXT_BYTES_MAX);
  if (read.ok) return read.value.bytes.toString('utf8');
  const cause = foreignError({ root, path }, read);
  if (read.fault === 'missing' || read.fault === 'unreadable') throw cause;
  throw new RasenError('damaged', `${cause.message}, so it is not read.`, {
    hint: 'Remove it, and make the task again with: rasen init',
    cause,
  });
}

/**
 * Writes a file so that a reader, or a power cut, sees the old or the new content and nothing between; through no link.
 * Throws RasenError `storage`.
 */
export function writeWhole(root: string, path: string, text: string): void {
  const written = replaceForeign({ root, path }, text, { mode: 0o644, sync: true, folders: 'make' });
  if (written.ok) return;
  const cause = foreignError({ root, path }, written);
  throw new RasenError('storage', `${cause.message}, so nothing was written to it.`, {
    hint: 'Remove what is in its way, or what the disk complains about, and try again.',
    cause,
  });
}

/**
 * What a command's task argument means: a path is made absolute, everything else is for the supervisor to resolve;
 * without one, the task of the project. Throws `no_project`.
 */
export function taskRef({ cwd }: Pick<Context, 'cwd'>, given: string | undefined): string {
  if (given === undefined) return needProject(cwd).task.id;
  return /^\.{0,2}\/|^\.{1,2}$/.test(given) ? resolve(cwd, given) : given;
}
