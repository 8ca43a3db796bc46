/**
 * A supervisor that `rasen run` started by itself, before there was a service. It must be gone before the service
 * starts, since one state has one master; its attempts live on and are adopted.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { RasenError } from '../errors.ts';
import type { Paths } from '../paths.ts';
import { holderOf } from '../rpc/lock.ts';
import { answerOn } from './answer.ts';
import type { Report, ServiceRequest } from './service.ts';
import type { Undo } from './undo.ts';

/** The supervisor waits for its journals when it ends, never for attempts. */
const END_MS = 30_000;
const POLL_MS = 25;

/** Its pid, when there is one that is not `service_pid`. Whether it is one is seen from the lock or the socket. */
export async function detachedPid(paths: Paths, service_pid: number | null): Promise<number | null> {
  const lock = join(paths.home, 'rasend.lock');
  const holder = holderOf(lock);
  const pid = holder !== undefined && holds(holder, lock) ? holder : (await answerOn(paths.socket))?.pid;
  return pid === undefined || pid === service_pid ? null : pid;
}

interface TakeOver {
  /** Of the service; null: it does not run. */
  service_pid: number | null;
  report: Report;
  undo?: Undo;
}

/** Ends a detached supervisor, so that the service can have its state; it is started again when the rest fails. */
export async function takeOver(
  request: ServiceRequest,
  { service_pid, report, undo }: TakeOver,
): Promise<void> {
  const pid = await detachedPid(request.paths, service_pid);
  if (pid === null) return;
  report(`ending the detached supervisor (PID ${pid}); its tasks go on, the service takes them over`);
  undo?.add('the end of the detached supervisor', () => startAgain(request));
  await endDetached(pid);
}

/** With root's environment it would not be the user's: then the next `rasen run` of the user starts it. */
function startAgain({ launcher, user }: ServiceRequest): void {
  if (process.getuid?.() !== user.uid) return;
  const child = spawn(launcher, { detached: true, stdio: 'ignore', cwd: '/' });
  // What is wrong with it, the next `rasen run` tells.
  child.once('error', () => {});
  child.unref();
}

/** Ends it and waits until it is gone. Throws `service` when it does not go. */
export async function endDetached(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM');
  for (const end = performance.now() + END_MS; isThere(pid); ) {
    if (performance.now() > end)
      throw new RasenError('service', `The detached supervisor (PID ${pid}) does not end.`, {
        hint: `Its tasks live on when it is killed: kill -9 ${pid}; then repeat the command.`,
      });
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}

/** A pid in a file proves nothing; that the process has the file open does. Where that cannot be seen: false. */
function holds(pid: number, lock: string): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some(fd => {
      try {
        return readlinkSync(join(folder, fd)) === lock;
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
