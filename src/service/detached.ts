/**
 * A supervisor that `rasen run` started by itself, before there was a service. It must be gone before the service
 * starts, since one state has one master; its attempts live on and are adopted.
 *
 * Whose pid it is, the user's own files and socket say, so root believes it as far as the user himself could go: only a
 * process of the user is taken for it, and the signal is sent as the user.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import { answerOn } from './answer.ts';
import { lastLine, type Run, runProgram } from './run.ts';
import type { Report, ServiceRequest, ServiceUser } from './service.ts';
import type { Undo } from './undo.ts';
import { unitOf } from './whose.ts';

/** Ends it for another one to take over: attempts live on, which SIGTERM would end. One of an older release dies of it. */
const HAND_OVER = 'SIGUSR2';
/** The supervisor waits for its journals when it ends, never for attempts. */
const END_MS = 30_000;
const POLL_MS = 25;
/** Where its lock does not tell: for one that takes its time, and not for a queue behind which nobody is. */
const ANSWER_MS = 1_500;
/** More than a lock file has: a pid and a line end. */
const LOCK_BYTES_MAX = 32;

type Whose = Pick<ServiceRequest, 'paths' | 'user'>;

/** The process that has the state. */
export interface Master {
  pid: number;
  /** The unit that it is of; null: it is detached. */
  unit: string | null;
}

/** Null where nobody has it. Who has is seen from the lock or the socket. */
export async function masterOf({ paths, user }: Whose, run: Run = runProgram): Promise<Master | null> {
  const lock = join(paths.home, 'rasend.lock');
  const holder = pidIn(lock, user);
  const pid =
    holder !== null && holds(holder, lock) ? holder : (await answerOn(paths.socket, ANSWER_MS))?.pid;
  if (pid === undefined || !(await belongsTo(pid, user, run))) return null;
  return { pid, unit: unitOf(pid) };
}

/** The pid of a supervisor that is neither `service_pid` nor of any other unit. */
export async function detachedPid(
  whose: Whose,
  service_pid: number | null,
  run: Run = runProgram,
): Promise<number | null> {
  const master = await masterOf(whose, run);
  return master === null || master.pid === service_pid || master.unit !== null ? null : master.pid;
}

interface TakeOver {
  /** The one that is to have the state; null: it does not run, and has no unit. */
  service: { pid: number | null; unit: string } | null;
  report: Report;
  undo: Undo;
}

/**
 * Ends a detached supervisor, so that the service can have its state; it is started again when the rest fails. False
 * when there was none. Throws `service` when another service has the state: ended, it would be back in a moment.
 */
export async function takeOver(
  request: ServiceRequest,
  { service, report, undo }: TakeOver,
): Promise<boolean> {
  const master = await masterOf(request);
  if (master === null || master.pid === service?.pid || isOwn(master, service)) return false;
  if (master.unit !== null) throw otherServiceHas(master.unit, request);
  const { pid } = master;
  report(`ending the detached supervisor (PID ${pid}); its tasks go on, the service takes them over`);
  undo.add('the end of the detached supervisor', () => startAgain(request));
  await endDetached(pid, request.user);
  return true;
}

const isOwn = ({ unit }: Master, service: TakeOver['service']) => unit !== null && unit === service?.unit;

/** RasenError `service`: what one kind of service has is not the other's to end. */
export function otherServiceHas(unit: string, { mode, user, paths }: ServiceRequest): RasenError {
  const verbs =
    mode === 'user'
      ? `sudo rasen service stop --system ${user.name}`
      : `as ${user.name}: rasen service stop, or systemctl --user stop rasend.socket rasend.service`;
  return new RasenError('service', `${unit} has the state ${paths.home}; two services cannot share it.`, {
    hint: `Use that service, or end it first: ${verbs}`,
    data: { unit },
  });
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
export async function endDetached(pid: number, user: ServiceUser, run: Run = runProgram): Promise<void> {
  await terminate(pid, user, run);
  for (const end = performance.now() + END_MS; isThere(pid); ) {
    if (performance.now() > end)
      throw new RasenError('service', `The detached supervisor (PID ${pid}) does not end.`, {
        hint: `Its tasks live on when it is killed: kill -9 ${pid}; then repeat the command.`,
      });
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}

/** As the user: between the look and the signal, the pid may have become that of a process which is none of his. */
async function terminate(pid: number, user: ServiceUser, run: Run): Promise<void> {
  if (process.getuid?.() === user.uid) {
    process.kill(pid, HAND_OVER);
    return;
  }
  // The word of the shell: kill(1) is not everywhere.
  const ran = await run(['/bin/sh', '-c', 'kill -USR2 "$1"', 'kill', String(pid)], { as: user });
  if (ran.code !== 0 && isThere(pid))
    throw new RasenError(
      'service',
      `The detached supervisor (PID ${pid}) cannot be ended as ${user.name}: ${lastLine(ran)}.`,
      { hint: `Let ${user.name} end it: kill -USR2 ${pid}; then repeat the command.` },
    );
}

/** The pid in the lock file. Root reads what is a plain file of the user only: nothing that hangs, nothing of others. */
function pidIn(lock: string, { uid }: ServiceUser): number | null {
  let fd: number;
  try {
    fd = openSync(lock, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch {
    return null;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.uid !== uid) return null;
    const bytes = Buffer.alloc(LOCK_BYTES_MAX);
    const text = bytes.toString('utf8', 0, readSync(fd, bytes)).trim();
    return /^\d+$/.test(text) ? Number(text) : null;
  } catch {
    return null;
  } finally {
    closeSync(fd);
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

/** Numbers below 2 are no process: kill(2) takes them for groups, for all, and for init. */
async function belongsTo(pid: number, { uid }: ServiceUser, run: Run): Promise<boolean> {
  if (!Number.isSafeInteger(pid) || pid < 2) return false;
  if (process.platform === 'linux') return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === uid;
  const { code, stdout } = await run(['ps', '-o', 'uid=', '-p', String(pid)]);
  return code === 0 && stdout.trim() === String(uid);
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
