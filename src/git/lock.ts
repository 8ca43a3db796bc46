/**
 * One lock per repository. Inside the process: a FIFO queue per common dir. Against another supervisor: the kernel's lock
 * of a folder of ours in the common dir, which ends with its holder (host/folder-lock.ts). Advisory: git's own lock files
 * and the old value in every ref update still guard each single step.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { lstatSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errnoOf, RasenError } from '../contract/errors.ts';
import { lockFolder } from '../host/folder-lock.ts';
import { livePids } from '../host/process-stat.ts';
import { throwTrouble, troubleWith, unlessTrouble } from '../host/trouble.ts';
import { LOCK_KEPT_MAX_MS, LOCK_KEPT_MS, LOCK_POLL_MS, LOCK_WAIT_MS, MAX_WAITING } from './limits.ts';
import { ownFolder } from './sound.ts';

/** In the environment of every git that this process starts; the value is the common dir whose lock it runs under, or empty. */
export const LOCK_VARIABLE = 'RASEN_GIT_LOCK';

const queues = new Map<string, { tail: Promise<void>; waiting: number }>();
/** Common dirs that no supervisor before this one has a git in any more. */
const inherited = new Set<string>();
/** Common dirs whose lock the current chain of calls holds: taking it again is then no wait, but also no second lock. */
const held = new AsyncLocalStorage<ReadonlySet<string>>();

export const lockedHere = (): string => [...(held.getStore() ?? [])].at(-1) ?? '';

/** What is locked: a folder, so there is no file of it that could be left, or removed. */
export function lockPlace(common_dir: string): string {
  return join(common_dir, 'rasen');
}

/**
 * Runs `work` alone in the repository. Re-entrant along one chain of awaits.
 * Errors: `overloaded` when too many wait, `git` when another supervisor keeps the repository too long.
 */
export async function withRepositoryLock<T>(
  repo: { common_dir: string },
  work: () => Promise<T>,
  wait_ms = LOCK_WAIT_MS,
): Promise<T> {
  const key = repo.common_dir;
  const mine = held.getStore();
  if (mine?.has(key)) return await work();
  const queue = queues.get(key) ?? { tail: Promise.resolve(), waiting: 0 };
  if (queue.waiting >= MAX_WAITING) {
    throw new RasenError('overloaded', `More than ${MAX_WAITING} git operations wait for ${key}`, {
      hint: 'Wait until running tasks in this repository have ended.',
    });
  }
  queues.set(key, queue);
  queue.waiting += 1;
  const turn = queue.tail;
  const { promise: done, resolve: leave } = Promise.withResolvers<void>();
  queue.tail = done;
  await turn;
  try {
    const release = await acquire(key, performance.now() + wait_ms);
    try {
      return await held.run(new Set([...(mine ?? []), key]), work);
    } finally {
      release();
    }
  } finally {
    queue.waiting -= 1;
    if (queue.waiting === 0) queues.delete(key);
    leave();
  }
}

interface Kept {
  ino: number;
  since: number;
  release: () => void;
  timer?: NodeJS.Timeout;
}
/** Locks that nobody here needs at the moment: taking one costs a program. */
const kept = new Map<string, Kept>();

/** Lets go of the lock in a moment, if nobody here wants it until then. */
function leaveLater(common_dir: string, lock: Kept): void {
  if (performance.now() - lock.since > LOCK_KEPT_MAX_MS) {
    lock.release();
    return;
  }
  lock.timer = setTimeout(() => {
    kept.delete(common_dir);
    lock.release();
  }, LOCK_KEPT_MS).unref();
  kept.set(common_dir, lock);
}

/** The lock, if it is still that of the folder which is there. */
function takeKept(common_dir: string): Kept | null {
  const lock = kept.get(common_dir);
  if (lock === undefined) return null;
  kept.delete(common_dir);
  clearTimeout(lock.timer);
  if (isAt(lockPlace(common_dir), lock.ino)) return lock;
  lock.release();
  return null;
}

function isAt(place: string, ino: number): boolean {
  try {
    return lstatSync(place).ino === ino;
  } catch {
    // Gone, or it cannot be looked at: whoever takes the lock anew will say what is wrong.
    return false;
  }
}

async function acquire(common_dir: string, deadline: number): Promise<() => void> {
  const before = takeKept(common_dir);
  if (before !== null) return () => leaveLater(common_dir, before);
  const place = lockPlace(common_dir);
  await ownFolder(place);
  for (;;) {
    const lock = await lockFolder(place);
    if (lock.is === 'impossible') {
      // A machine that is too busy to answer is asked again.
      if (errnoOf(lock.error) === 'ETIMEDOUT' && performance.now() < deadline) continue;
      throwTrouble(lock.error);
      // This file system has no locks of folders: git's own must do.
      return () => {};
    }
    const release = lock.is === 'taken' ? lock.release : () => {};
    try {
      const pid = lock.is === 'taken' ? await leftBehind(common_dir) : null;
      if (lock.is === 'taken' && pid === null) {
        const taken = { ino: lstatSync(place).ino, since: performance.now(), release };
        return () => leaveLater(common_dir, taken);
      }
      if (performance.now() > deadline) throw refused(place, pid);
    } catch (error) {
      release();
      throw error;
    }
    release();
    await pause(LOCK_POLL_MS);
  }
}

/**
 * A git that a killed supervisor left at work: it may still be writing. Looked for once, since the lock was free and all that
 * were started under it later are ours. Linux alone tells.
 */
async function leftBehind(common_dir: string): Promise<number | null> {
  if (inherited.has(common_dir)) return null;
  const mark = `\0${LOCK_VARIABLE}=${common_dir}\0`;
  for (const pid of livePids()) {
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(unlessTrouble(''));
    // What a filter has left behind writes nothing of git's.
    if (!name.startsWith('git')) continue;
    const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(unlessTrouble(''));
    if (`\0${environ}\0`.includes(mark)) return pid;
  }
  inherited.add(common_dir);
  return null;
}

function refused(path: string, git: number | null): RasenError {
  const who = git === null ? 'another supervisor' : `git (process ${git}) of a supervisor that is gone`;
  return new RasenError('git', `The repository is in use: ${who} works in it and holds ${path}`, {
    hint: git === null ? 'Wait for that supervisor, or stop it.' : 'Wait for it, or end it.',
    data: { path, trouble: troubleWith('lock', path, `${who} holds the lock ${path}`) },
  });
}
