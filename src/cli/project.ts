/**
 * The project side of a task: `.rasen/` with the task text, the plan and the id that `rasen init` chose. The supervisor
 * never reads these; `rasen run` hands them over by value.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { errnoOf, RasenError } from '../errors.ts';
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
    if (existsSync(file)) return { root: folder, task: readTaskFile(file) };
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

export function readTaskFile(file: string): TaskFile {
  let value: Partial<TaskFile> | null = null;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (errnoOf(error) !== undefined) throw unreadable(file, error);
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
  writeWhole(inProject(project.root, 'task.json'), `${JSON.stringify(project.task, null, 2)}\n`);
}

/** Writes a file so that a reader, or a power cut, sees the old or the new content and nothing between. */
export function writeWhole(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const next = `${file}.${process.pid}.tmp`;
  const fd = openSync(next, 'w', 0o644);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(next, file);
}

/**
 * What a command's task argument means: a path is made absolute, everything else is for the supervisor to resolve;
 * without one, the task of the project. Throws `no_project`.
 */
export function taskRef({ cwd }: Pick<Context, 'cwd'>, given: string | undefined): string {
  if (given === undefined) return needProject(cwd).task.id;
  return /^\.{0,2}\/|^\.{1,2}$/.test(given) ? resolve(cwd, given) : given;
}
