/**
 * Who holds a lock, and whether that process is provably dead. Used by lock.ts, run.ts and stale-locks.ts.
 * The differences between Linux (/proc) and macOS (ps, sysctl) are kept in this file.
 */

import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { promisify } from 'node:util';
import { unlessTrouble } from '../host/trouble.ts';

const run = promisify(execFile);
export const HAS_PROC = process.platform === 'linux';

/** In the environment of every git that this process starts; the value is ownToken(). */
export const OWNER_VARIABLE = 'RASEN_GIT_OWNER';

export interface Owner {
  host: string;
  boot: string;
  /** PID namespace: pids of another namespace say nothing here. Empty where there are none. */
  pid_ns: string;
  pid: number;
  /** Start time of the process in the platform's own spelling; pid + start is unique within a boot. */
  start: string;
}

/** `hidden`: on this kernel but in another PID namespace. `unknown`: on another host. */
export type OwnerState = 'alive' | 'dead' | 'hidden' | 'unknown';

let own: Promise<Owner> | undefined;

export function ownOwner(): Promise<Owner> {
  own ??= describe().catch(error => {
    // Trouble that passes: it is looked at again.
    own = undefined;
    throw error;
  });
  return own;
}

export async function ownToken(): Promise<string> {
  return token(await ownOwner());
}

function token(owner: Owner): string {
  return `${owner.boot}/${owner.pid}/${owner.start.replaceAll(' ', '_')}`;
}

async function describe(): Promise<Owner> {
  const start = await startOf(process.pid);
  return {
    host: await hostId(),
    boot: await bootId(),
    pid_ns: HAS_PROC ? await readlink('/proc/self/ns/pid').catch(unlessTrouble('')) : '',
    pid: process.pid,
    start: start ?? '',
  };
}

/** A dead owner whose git still runs counts as alive: that git may still be writing. */
export async function ownerState(owner: Owner): Promise<OwnerState> {
  const me = await ownOwner();
  if (owner.boot !== me.boot) return owner.host === me.host ? 'dead' : 'unknown';
  if (owner.pid_ns !== me.pid_ns) return 'hidden';
  const start = await startOf(owner.pid);
  if (start !== null && (start === owner.start || owner.start === '')) return 'alive';
  return (await gitOf(owner)).length > 0 ? 'alive' : 'dead';
}

/** Start time of a live process; null when there is none (a zombie holds nothing). */
export async function startOf(pid: number): Promise<string | null> {
  if (HAS_PROC) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(unlessTrouble(null));
    if (stat === null) return null;
    // The name in parentheses may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? '');
  }
  const env = { ...process.env, LC_ALL: 'C' };
  const line = await run('ps', ['-o', 'lstart=', '-p', String(pid)], { env }).then(
    r => r.stdout.trim(),
    () => '',
  );
  return line === '' ? null : line;
}

/** Pids of live git processes (and their children) that a supervisor left running. Linux only. */
async function gitOf(owner: Owner): Promise<number[]> {
  if (!HAS_PROC) return [];
  const mark = `${OWNER_VARIABLE}=${token(owner)}\0`;
  const found: number[] = [];
  for (const pid of await livePids()) {
    const environ = await readFile(`/proc/${pid}/environ`, 'latin1').catch(unlessTrouble(''));
    if (`${environ}\0`.includes(mark) && (await startOf(pid)) !== null) found.push(pid);
  }
  return found;
}

export async function livePids(): Promise<number[]> {
  const names = await readdir('/proc');
  return names.filter(name => /^\d+$/.test(name)).map(Number);
}

async function bootId(): Promise<string> {
  if (HAS_PROC) return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  return await run('sysctl', ['-n', 'kern.bootsessionuuid']).then(
    r => r.stdout.trim(),
    () => '',
  );
}

async function hostId(): Promise<string> {
  const id = await readFile('/etc/machine-id', 'utf8').catch(unlessTrouble(''));
  return id.trim() || hostname();
}
