/**
 * What is remembered about a repository, in the state: which name a task was given, which checkouts are ours to throw
 * away, and what was found when an attempt was sealed. Written before the thing itself is made, so that a call after a
 * crash finds the same answer. No record says what may be removed: paths are made of the order of the task and a name.
 * Records of an earlier release are in `<common dir>/rasen/`, where agents can write; they are read once, as claims.
 */

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import { errnoOf, RasenError } from '../contract/errors.ts';
import { readForeign, untroubled } from '../host/foreign-file.ts';
import { unlessTrouble } from '../host/trouble.ts';
import { moveAside, writeDurably } from './durable.ts';
import { MAX_NAMES, MAX_SMALL_BYTES } from './limits.ts';

type Records = { records: string };

const taskRecord = z.object({
  version: z.literal(1),
  task: z.string(),
  /** The slug, with `-2`, `-3`, … where it was taken. */
  name: z.string(),
  /** git's name for the worktree, in `<common dir>/worktrees`. */
  admin: z.string().optional(),
  /** Folder of its worktrees, as it was; for people, and so that a name is given only once. */
  folder: z.string(),
  /**
   * planned: never complete so far, so nothing in the folder or on the branch is anyone's work.
   * made: was complete once. removing: what was worth keeping is kept; the folder is to go, the branch stays.
   */
  state: z.enum(['planned', 'made', 'removing']),
});
export type TaskRecord = z.infer<typeof taskRecord>;

export const branchOf = ({ name }: { name: string }) => `rasen/${name}`;
export const folderOf = ({ name }: { name: string }) => `task-${name}`;

const checkoutRecord = z.object({
  version: z.literal(1),
  task: z.string(),
  path: z.string(),
  /** What was checked out there. */
  commit: z.string().optional(),
});
export type CheckoutRecord = z.infer<typeof checkoutRecord>;

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
  return join(await realpath(above).catch(unlessTrouble(above)), basename(full));
}

export const taskFolder = (repo: Records, task: string) => join(repo.records, 'tasks', refPart(task));
/** What a workspace held that is in no commit, after the workspace went or was rolled back. */
export const keptFolder = (repo: Records, task: string) => join(taskFolder(repo, task), 'kept');
/** Whether something lies there. */
export async function hasKept(repo: Records, task: string): Promise<boolean> {
  return (await readdir(keptFolder(repo, task)).catch(() => [])).length > 0;
}
const taskFile = (repo: Records, task: string) => join(taskFolder(repo, task), 'worktree.json');
const sealFile = (repo: Records, a: { task: string; subtask: string; attempt: number }) =>
  join(taskFolder(repo, a.task), 'sealed', `${refPart(a.subtask)}.${a.attempt}.json`);
const checkoutFile = (repo: Records, path: string) =>
  join(repo.records, 'checkouts', `${createHash('sha256').update(path).digest('hex').slice(0, 24)}.json`);

export async function readTask(repo: Records, task: string): Promise<TaskRecord | null> {
  return await load(taskFile(repo, task), taskRecord);
}

/** The slug itself, or with a number that rasen puts behind one. */
export function isNameOf(name: string, slug: string): boolean {
  if (name === slug) return true;
  const number = name.startsWith(`${slug}-`) ? name.slice(slug.length + 1) : '';
  return /^[1-9]\d?$/.test(number) && Number(number) >= 2 && Number(number) <= MAX_NAMES;
}

/** Which name an earlier release gave the task. */
export function oldName(common_dir: string, task: string): string | null {
  const file = { root: common_dir, path: join('rasen', 'tasks', refPart(task), 'worktree.json') };
  const found = untroubled(file, readForeign(file, MAX_SMALL_BYTES));
  if (!found.ok) return null;
  try {
    const { name } = JSON.parse(found.value.bytes.toString('utf8')) as { name?: unknown };
    return typeof name === 'string' ? name : null;
  } catch {
    return null;
  }
}

/** Whether an earlier release said that it made a checkout at this path. */
export function hadOldCheckout(common_dir: string, path: string): boolean {
  const name = basename(checkoutFile({ records: common_dir }, path));
  const place = { root: common_dir, path: join('rasen', 'checkouts', name) };
  return untroubled(place, readForeign(place, MAX_SMALL_BYTES)).ok;
}

export async function writeTask(repo: Records, record: TaskRecord): Promise<void> {
  await save(taskFile(repo, record.task), record);
}

export async function listTasks(repo: Records): Promise<TaskRecord[]> {
  const names = await readdir(join(repo.records, 'tasks')).catch(error => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
  const records = await Promise.all(names.sort().map(name => readTask(repo, name)));
  return records.filter(record => record !== null);
}

export async function readCheckout(repo: Records, path: string): Promise<CheckoutRecord | null> {
  return await load(checkoutFile(repo, path), checkoutRecord);
}

export async function writeCheckout(repo: Records, record: CheckoutRecord): Promise<void> {
  await save(checkoutFile(repo, record.path), record);
}

export async function dropCheckout(repo: Records, path: string): Promise<void> {
  await rm(checkoutFile(repo, path), { force: true });
}

export async function readSeal<T>(
  repo: Records,
  attempt: { task: string; subtask: string; attempt: number },
  schema: z.ZodType<T>,
): Promise<T | null> {
  return await load(sealFile(repo, attempt), schema);
}

export async function writeSeal(
  repo: Records,
  attempt: { task: string; subtask: string; attempt: number },
  value: object,
): Promise<void> {
  await save(sealFile(repo, attempt), value);
}

const usersFile = (repo: Records, task: string) => join(taskFolder(repo, task), 'users.json');

/** How the user's side of the repository stood before the attempt that is under way. */
export async function writeUsers(repo: Records, task: string, state: object): Promise<void> {
  await save(usersFile(repo, task), { version: 1, state });
}

export async function readUsers<T>(repo: Records, task: string, state: z.ZodType<T>): Promise<T | null> {
  const found = await load(usersFile(repo, task), z.object({ version: z.literal(1), state }));
  return found?.state ?? null;
}

async function save(path: string, value: object): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeDurably(path, `${JSON.stringify(value)}\n`);
}

/** null when there is no such record. One that cannot be read is moved aside, never overwritten. */
async function load<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  const text = await readFile(path, 'utf8').catch(error => {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  const value = jsonIn(text);
  const { version } = (value ?? {}) as { version?: unknown };
  if (typeof version === 'number' && version > 1) {
    throw new RasenError('version', `${path} was written by a newer rasen`, {
      hint: 'Use that release in this repository.',
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  await moveAside(path, 'damaged');
  return null;
}

/** null: it is none. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
