/**
 * Where one instance of rasen keeps its things. RASEN_HOME, when set, holds everything of the instance: state,
 * configuration and socket. The paths are computed once from an environment. The disk is looked at in two places, both
 * for the folder of the socket: `sessionRuntime` and `clientPaths`.
 */
import { existsSync, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { RasenError } from './contract/errors.ts';
import { userEntry } from './host/user.ts';
import { listenersAt } from './util/listening.ts';

export interface Paths {
  /** The truth: tasks, quarantine, log. Mode 0700. */
  home: string;
  tasks: string;
  /** Which sessions of agents somebody works in. */
  sessions: string;
  /** What the gateway keeps: logins, and repositories that tasks were asked for by URL. */
  gateway: string;
  /** Unreadable files are moved here, never overwritten. */
  quarantine: string;
  /** The supervisor's own configuration; optional. */
  config: string;
  /** The supervisor's log when no service manager keeps it. */
  log: string;
  /** Holds socket, lock and pid file. Mode 0700. */
  runtime: string;
  socket: string;
  /** Of the gateway, where it has one. */
  http: string;
  lock: string;
  pid: string;
}

/** Longest path of a Unix socket that works on Linux and macOS, in bytes (macOS: 104 with the NUL). */
export const MAX_SOCKET_PATH_BYTES = 103;

/** Where the service of the system has a folder for each user's socket. */
const SYSTEM_RUNTIME = '/run/rasen';
/** Where logind makes a folder for each user who is logged in or lingers. */
const RUN_USER = '/run/user';

/** Throws `usage` for a relative RASEN_HOME or RASEN_RUNTIME_DIR: each folder would have an instance of its own. */
export function instancePaths(env: NodeJS.ProcessEnv = process.env, run_user = RUN_USER): Paths {
  // What is relative is to be ignored: XDG Base Directory Specification.
  const set = (name: string) => (env[name] && isAbsolute(env[name]) ? resolve(env[name]) : undefined);
  refuseRelative('RASEN_HOME', env);
  refuseRelative('RASEN_RUNTIME_DIR', env);
  const own = set('RASEN_HOME');
  const user = own ?? (env.HOME && isAbsolute(env.HOME) ? env.HOME : homeOfUser());
  const home = own ?? join(set('XDG_STATE_HOME') ?? join(user, '.local', 'state'), 'rasen');
  const session = sessionRuntime(env, run_user);
  const runtime = own
    ? join(own, 'run')
    : (set('RASEN_RUNTIME_DIR') ??
      (session ? join(session, 'rasen') : join(user, '.local', 'state', 'rasen', 'run')));
  const config = own
    ? join(own, 'rasend.yml')
    : join(set('XDG_CONFIG_HOME') ?? join(user, '.config'), 'rasen', 'rasend.yml');
  return {
    home,
    tasks: join(home, 'tasks'),
    sessions: join(home, 'sessions'),
    gateway: join(home, 'gateway'),
    quarantine: join(home, 'quarantine'),
    config,
    log: join(home, 'rasend.log'),
    runtime,
    socket: join(runtime, 'rasend.sock'),
    http: join(runtime, 'http.sock'),
    lock: join(runtime, 'rasend.lock'),
    pid: join(runtime, 'rasend.pid'),
  };
}

/**
 * As `instancePaths`, for whoever looks for a supervisor: where none has made its socket and the system runs one for
 * this user, those of that one.
 */
export function clientPaths(
  env: NodeJS.ProcessEnv = process.env,
  system_runtime: string = SYSTEM_RUNTIME,
): Paths {
  const paths = instancePaths(env);
  if (env.RASEN_HOME || env.RASEN_RUNTIME_DIR) return paths;
  const RASEN_RUNTIME_DIR = join(system_runtime, userEntry().name);
  // The folder, which is root's to make and to remove: a socket that was removed from it comes back.
  if (!existsSync(RASEN_RUNTIME_DIR)) return paths;
  const system = instancePaths({ ...env, RASEN_RUNTIME_DIR });
  if (!existsSync(paths.socket)) return system;
  // Both were used: one that was stopped has left its file.
  return listenersAt(paths.socket) === 0 && listenersAt(system.socket) > 0 ? system : paths;
}

/**
 * The folder of this user's session, which his service manager has, too: XDG_RUNTIME_DIR, or what a login would have set
 * it to, since cron, `sudo -u` and `docker exec` have none. After `su` or `sudo -E` it is another user's, which is no
 * place for our socket and no way to our manager. One that is not there yet is taken as it is.
 */
export function sessionRuntime(env: NodeJS.ProcessEnv, run_user = RUN_USER): string | undefined {
  const uid = process.getuid?.();
  const named = env.XDG_RUNTIME_DIR;
  const set = named && isAbsolute(named) ? resolve(named) : undefined;
  if (uid === undefined) return set;
  if (set !== undefined && [uid, null].includes(ownerOf(set))) return set;
  if (process.platform !== 'linux') return undefined;
  const folder = join(run_user, String(uid));
  return ownerOf(folder) === uid ? folder : undefined;
}

function refuseRelative(name: string, env: NodeJS.ProcessEnv): void {
  const value = env[name];
  if (!value || isAbsolute(value)) return;
  throw new RasenError('usage', `${name} is "${value}", which is not an absolute path. Nothing was done.`, {
    hint: `For example: export ${name}="$HOME/${value.replace(/^(?:~?\.*\/)+/, '')}"`,
  });
}

/** HOME is not set, or is no absolute path. Throws `usage` where the user database has no entry either. */
function homeOfUser(): string {
  const { name, home } = userEntry();
  if (home !== null) return home;
  throw new RasenError('usage', `HOME is not set, and the user database has no entry for uid ${name}.`, {
    hint: 'For example: export HOME=/some/folder, or RASEN_HOME=/some/folder, one that this user can write to.',
  });
}

/** Null: it is not there; -1: it may not be looked at, so it is not ours. */
function ownerOf(path: string): number | null {
  try {
    return statSync(path, { throwIfNoEntry: false })?.uid ?? null;
  } catch {
    return -1;
  }
}
