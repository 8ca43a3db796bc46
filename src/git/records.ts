/**
 * What rasen remembers about a repository, in `<common dir>/rasen/`: which branch and folder a task was given, which
 * checkouts are ours to throw away, and what was found when an attempt was sealed. Written before the thing itself is
 * made, so that a call after a crash finds the same answer. Refs alone cannot say these; everything else is in refs.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errnoOf, RasenError } from '../errors.ts';
import { moveAside, writeDurably } from './durable.ts';

type Common = { common_dir: string };

export interface TaskRecord {
  version: 1;
  task: string;
  /** The slug, with `-2`, `-3`, … where it was taken. */
  name: string;
  branch: string;
  path: string;
  /**
   * planned: never complete so far, so nothing in the folder or on the branch is anyone's work.
   * made: was complete once. removing: what was worth keeping is kept; the folder is to go, the branch stays.
   */
  state: 'planned' | 'made' | 'removing';
}

export interface CheckoutRecord {
  version: 1;
  task: string;
  path: string;
  /** What was checked out there. */
  commit?: string;
}

/** A part of a ref and of a file name. Throws `git`, because git would refuse the ref too. */
export function refPart(text: string): string {
  if (/^[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9_-])){0,99}$/.test(text) && !text.endsWith('.lock'))
    return text;
  throw new RasenError('git', `"${text.slice(0, 120)}" cannot be a part of a git ref`, {
    hint: 'Use letters, digits, "-", "_" and single dots.',
  });
}

/** The one spelling of a path that records use: absolute, and real as far as the folder above exists. */
export async function plainPath(path: string): Promise<string> {
  const full = resolve(path);
  const above = dirname(full);
  return join(await realpath(above).catch(() => above), basename(full));
}

const home = (repo: Common) => join(repo.common_dir, 'rasen');
export const taskFolder = (repo: Common, task: string) => join(home(repo), 'tasks', refPart(task));
const taskFile = (repo: Common, task: string) => join(taskFolder(repo, task), 'worktree.json');
const sealFile = (repo: Common, a: { task: string; subtask: string; attempt: number }) =>
  join(taskFolder(repo, a.task), 'sealed', `${refPart(a.subtask)}.${a.attempt}.json`);
const checkoutFile = (repo: Common, path: string) =>
  join(home(repo), 'checkouts', `${createHash('sha256').update(path).digest('hex').slice(0, 24)}.json`);

export async function readTask(repo: Common, task: string): Promise<TaskRecord | null> {
  return await load<TaskRecord>(taskFile(repo, task), ['task', 'name', 'branch', 'path', 'state']);
}

export async function writeTask(repo: Common, record: TaskRecord): Promise<void> {
  await save(taskFile(repo, record.task), record);
}

export async function listTasks(repo: Common): Promise<TaskRecord[]> {
  const names = await readdir(join(home(repo), 'tasks')).catch(error => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
  const records = await Promise.all(names.sort().map(name => readTask(repo, name)));
  return records.filter(record => record !== null);
}

export async function readCheckout(repo: Common, path: string): Promise<CheckoutRecord | null> {
  return await load<CheckoutRecord>(checkoutFile(repo, path), ['task', 'path']);
}

export async function writeCheckout(repo: Common, record: CheckoutRecord): Promise<void> {
  await save(checkoutFile(repo, record.path), record);
}

export async function dropCheckout(repo: Common, path: string): Promise<void> {
  await rm(checkoutFile(repo, path), { force: true });
}

export async function readSeal<T>(
  repo: Common,
  attempt: { task: string; subtask: string; attempt: number },
): Promise<T | null> {
  return await load<T>(sealFile(repo, attempt), []);
}

export async function writeSeal(
  repo: Common,
  attempt: { task: string; subtask: string; attempt: number },
  value: object,
): Promise<void> {
  await save(sealFile(repo, attempt), value);
}

async function save(path: string, value: object): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeDurably(path, `${JSON.stringify(value)}\n`);
}

/** null when there is no such record. One that cannot be read is moved aside, never overwritten. */
async function load<T>(path: string, strings: string[]): Promise<T | null> {
  const text = await readFile(path, 'utf8').catch(error => {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  let value: Record<string, unknown> | null = null;
  try {
    value = JSON.parse(text) as Record<string, unknown> | null;
  } catch {
    // Falls through to the damaged case.
  }
  if (typeof value?.version === 'number' && value.version > 1) {
    throw new RasenError('version', `${path} was written by a newer rasen`, {
      hint: 'Use that release in this repository.',
    });
  }
  if (value?.version === 1 && strings.every(name => typeof value[name] === 'string')) return value as T;
  await moveAside(path, 'damaged');
  return null;
}
