/**
 * Where one instance of rasen keeps its things. RASEN_HOME, when set, holds everything of the instance: state,
 * configuration and socket. The paths are computed once from an environment; nothing here touches the disk.
 */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export interface Paths {
  /** The truth: tasks, quarantine, log. Mode 0700. */
  home: string;
  tasks: string;
  /** Unreadable files are moved here, never overwritten. */
  quarantine: string;
  /** The supervisor's own configuration; optional. */
  config: string;
  /** The supervisor's log when no service manager keeps it. */
  log: string;
  /** Holds socket, lock and pid file. Mode 0700. */
  runtime: string;
  socket: string;
  lock: string;
  pid: string;
}

/** Longest path of a Unix socket that works on Linux and macOS, in bytes (macOS: 104 with the NUL). */
export const MAX_SOCKET_PATH_BYTES = 103;

export function instancePaths(env: NodeJS.ProcessEnv = process.env): Paths {
  const set = (name: string) => (env[name] ? resolve(env[name]) : undefined);
  const user = env.HOME || homedir();
  const own = set('RASEN_HOME');
  const home = own ?? join(set('XDG_STATE_HOME') ?? join(user, '.local', 'state'), 'rasen');
  const xdgRuntime = set('XDG_RUNTIME_DIR');
  const runtime = own
    ? join(own, 'run')
    : (set('RASEN_RUNTIME_DIR') ??
      (xdgRuntime ? join(xdgRuntime, 'rasen') : join(user, '.local', 'state', 'rasen', 'run')));
  const config = own
    ? join(own, 'rasend.yml')
    : join(set('XDG_CONFIG_HOME') ?? join(user, '.config'), 'rasen', 'rasend.yml');
  return {
    home,
    tasks: join(home, 'tasks'),
    quarantine: join(home, 'quarantine'),
    config,
    log: join(home, 'rasend.log'),
    runtime,
    socket: join(runtime, 'rasend.sock'),
    lock: join(runtime, 'rasend.lock'),
    pid: join(runtime, 'rasend.pid'),
  };
}
