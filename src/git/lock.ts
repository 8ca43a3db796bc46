/**
 * One lock per repository. Inside the process: a FIFO queue per common dir. Against another supervisor: a lock file
 * in the common dir with the identity of its holder, taken over only when that holder is provably dead.
 * Advisory: git's own lock files and the old value in every ref update still guard each single step.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { link, lstat, lutimes, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errnoOf, RasenError } from '../contract/errors.ts';
import { readForeign, untroubled } from '../host/foreign-file.ts';
import { troubleWith, unlessTrouble } from '../host/trouble.ts';
import {
  LOCK_BEAT_MS,
  LOCK_CLAIM_MS,
  LOCK_POLL_MS,
  LOCK_SILENCE_MS,
  LOCK_TORN_MS,
  LOCK_WAIT_MS,
  MAX_SMALL_BYTES,
  MAX_WAITING,
} from './limits.ts';
import { type Owner, ownerState, ownOwner } from './owner.ts';
import { removeTree } from './remove-tree.ts';
import { ownFolder } from './sound.ts';

interface Holder extends Owner {
  nonce: string;
}

const queues = new Map<string, { tail: Promise<void>; waiting: number }>();
/** Nonces of the locks that this process holds; one of its own that is not among them could not be removed. */
const live = new Set<string>();
/** Common dirs whose lock the current chain of calls holds: taking it again is then no wait, but also no second lock. */
const held = new AsyncLocalStorage<ReadonlySet<string>>();

export function lockFile(common_dir: string): string {
  return join(common_dir, 'rasen', 'lock');
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
    const release = await acquire(lockFile(key), wait_ms);
    try {
      return await held.run(new Set([...(mine ?? []), key]), work);
    } finally {
      await release();
    }
  } finally {
    queue.waiting -= 1;
    if (queue.waiting === 0) queues.delete(key);
    leave();
  }
}

async function acquire(path: string, wait_ms: number): Promise<() => Promise<void>> {
  const holder: Holder = { ...(await ownOwner()), nonce: randomUUID() };
  const deadline = performance.now() + wait_ms;
  await ownFolder(dirname(path));
  live.add(holder.nonce);
  try {
    await take(path, holder, deadline);
  } catch (error) {
    live.delete(holder.nonce);
    throw error;
  }
  const beat = setInterval(() => {
    const now = new Date();
    lutimes(path, now, now).catch(() => {});
  }, LOCK_BEAT_MS).unref();
  return async () => {
    clearInterval(beat);
    live.delete(holder.nonce);
    try {
      const current = await read(path);
      // Another nonce: this process was frozen so long that it was given up. The lock is no longer ours to remove.
      if (current !== null && current !== 'torn' && current.nonce === holder.nonce) await removeTree(path);
    } catch {
      // What was done under the lock is done. The next who comes sees that nobody lives who holds this one.
    }
  };
}

async function take(path: string, holder: Holder, deadline: number): Promise<void> {
  while (!(await create(path, holder))) {
    const other = await read(path);
    if (other !== null && (await isDead(path, other))) await evict(path, other);
    else if (performance.now() > deadline) throw refused(path, other);
    else await pause(LOCK_POLL_MS);
  }
}

/** False when there is one. It appears with its content, so one without is what a power cut left, and nobody's. */
async function create(path: string, holder: Holder): Promise<boolean> {
  const text = `${JSON.stringify(holder)}\n`;
  const draft = `${path}.${holder.nonce}`;
  try {
    await writeFile(draft, text, { flag: 'wx', mode: 0o644 });
    await link(draft, path).catch(async error => {
      if (errnoOf(error) === 'EEXIST') throw error;
      // A file system without hard links.
      await writeFile(path, text, { flag: 'wx', mode: 0o644 });
    });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw new RasenError('git', `The lock ${path} cannot be made: ${String(error)}`, {
      hint: 'See that the repository is writable and its disk is not full.',
      cause: error,
    });
  } finally {
    // A draft that stays is in nobody's way.
    await rm(draft, { force: true }).catch(() => {});
  }
}

/** null: gone. What is no file, or is none of ours, is as good as torn: nobody of us made it. */
async function read(path: string): Promise<Holder | 'torn' | null> {
  const place = { root: dirname(path), path: basename(path) };
  const found = untroubled(place, readForeign(place, MAX_SMALL_BYTES));
  if (!found.ok) return found.fault === 'missing' ? null : 'torn';
  try {
    const value = JSON.parse(found.value.bytes.toString('utf8')) as Holder;
    return typeof value.nonce === 'string' && typeof value.pid === 'number' ? value : 'torn';
  } catch {
    return 'torn';
  }
}

async function isDead(path: string, holder: Holder | 'torn'): Promise<boolean> {
  if (holder === 'torn') return (await age(path)) > LOCK_TORN_MS;
  const own = await ownOwner();
  const isOurs = holder.boot === own.boot && holder.pid_ns === own.pid_ns && holder.pid === own.pid;
  if (isOurs && holder.start === own.start) return !live.has(holder.nonce);
  const state = await ownerState(holder);
  if (state === 'hidden') return (await age(path)) > LOCK_SILENCE_MS;
  return state === 'dead';
}

/**
 * Removes the lock of a dead holder. Only who holds the claim may do so, and only after seeing the same nonce again:
 * two that find the same dead holder cannot remove the lock that one of them has just made.
 */
async function evict(path: string, dead: Holder | 'torn'): Promise<void> {
  const claim = `${path}.evict`;
  if (!(await create(claim, { ...(await ownOwner()), nonce: randomUUID() }))) {
    if ((await age(claim)) > LOCK_CLAIM_MS) await removeTree(claim);
    await pause(LOCK_POLL_MS);
    return;
  }
  try {
    const again = await read(path);
    const same = dead === 'torn' ? again === 'torn' : again !== 'torn' && again?.nonce === dead.nonce;
    if (same) await removeTree(path);
  } finally {
    await removeTree(claim);
  }
}

async function age(path: string): Promise<number> {
  const found = await lstat(path).catch(unlessTrouble(null));
  return found === null ? 0 : Date.now() - found.mtimeMs;
}

function refused(path: string, holder: Holder | 'torn' | null): RasenError {
  const who = holder === null || holder === 'torn' ? 'someone' : `process ${holder.pid} on ${holder.host}`;
  return new RasenError('git', `The repository is in use: ${who} holds ${path}`, {
    hint: `Wait for that supervisor. If it is gone for good (another machine), remove ${path}.`,
    data: { path, trouble: troubleWith('lock', path, `${who} holds the lock ${path}`) },
  });
}
