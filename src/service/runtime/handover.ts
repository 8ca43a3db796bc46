/**
 * What a service manager hands to rasend, or to the gateway, when it starts it: descriptors by name, a way to report, a
 * watchdog. Taken once by supervisor/main.ts and cli/commands/gateway.ts, before anything is spawned, and removed from the
 * environment: a child that had it could speak for rasend, or take its descriptor numbers for its own.
 */
import { fstatSync } from 'node:fs';

export interface Handover {
  /** Listening stream socket of the control protocol. */
  rpc: number | undefined;
  /** Listening stream sockets of the gateway, in the order of its unit. */
  http: number[];
  /** Datagram socket that is connected to the service manager's notify socket. */
  sdnotify: number | undefined;
  /** Datagram socket that is connected to the journal. */
  journal: number | undefined;
  /** Path of the notify socket, for systemd-notify(1), where `sdnotify` was not handed over. */
  notify_socket: string | undefined;
  /** A process that is silent for longer than this is killed. */
  watchdog_ms: number | undefined;
  /** Standard error goes to the journal. */
  stderr_is_journal: boolean;
}

/** sd_listen_fds(3): the descriptors follow each other from here. */
const FIRST_FD = 3;
const MAX_FDS = 64;
const TAKEN = /^(NOTIFY_SOCKET|JOURNAL_STREAM|WATCHDOG_.*|LISTEN_.*)$/;

/** Reads the handover from `env` and deletes it there. What is meant for another process is ignored. */
export function takeHandover(env: NodeJS.ProcessEnv, pid: number = process.pid): Handover {
  const fds = handedFds(env, pid);
  const handover: Handover = {
    rpc: fds.findLast(({ name }) => name === 'rpc')?.fd,
    http: fds.filter(({ name }) => name === 'http').map(({ fd }) => fd),
    sdnotify: fds.findLast(({ name }) => name === 'sdnotify')?.fd,
    journal: fds.findLast(({ name }) => name === 'journal')?.fd,
    notify_socket: env.NOTIFY_SOCKET || undefined,
    watchdog_ms: watchdogMs(env, pid),
    stderr_is_journal: isStderr(env.JOURNAL_STREAM),
  };
  for (const name of Object.keys(env)) if (TAKEN.test(name)) delete env[name];
  return handover;
}

function handedFds(env: NodeJS.ProcessEnv, pid: number): { name: string; fd: number }[] {
  const count = wholeNumber(env.LISTEN_FDS);
  if (wholeNumber(env.LISTEN_PID) !== pid || count === undefined || count > MAX_FDS) return [];
  const names = (env.LISTEN_FDNAMES ?? '').split(':').slice(0, count);
  return names.map((name, index) => ({ name, fd: FIRST_FD + index }));
}

/** WATCHDOG_PID may be missing: then it is meant for whoever reads it. */
function watchdogMs(env: NodeJS.ProcessEnv, pid: number): number | undefined {
  const usec = wholeNumber(env.WATCHDOG_USEC);
  const mine = env.WATCHDOG_PID === undefined || wholeNumber(env.WATCHDOG_PID) === pid;
  return mine && usec ? usec / 1000 : undefined;
}

/** JOURNAL_STREAM is inherited by everything; only device and inode tell whether the stream is still that one. */
function isStderr(stream: string | undefined): boolean {
  if (!stream) return false;
  try {
    const { dev, ino } = fstatSync(2, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
