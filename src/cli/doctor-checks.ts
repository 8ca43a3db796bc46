/** What `rasen doctor` can see without a supervisor: runtime, git, socket folder, disk, configuration, agents, service. */
import { accessSync, constants, lstatSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../contract/errors.ts';
import type { Finding } from '../contract/methods/daemon.doctor.ts';
import { MAX_SOCKET_PATH_BYTES, type Paths } from '../paths.ts';
import { agentFindings } from './agent-findings.ts';
import { configFindings } from './config-findings.ts';
import type { Context, ServiceBundle } from './context.ts';

const NODE_MAJOR_MIN = 24;
const DISK_WARN_BYTES = 1024 ** 3;
const GIT_TIMEOUT_MS = 10_000;

interface CheckOptions extends Pick<Context, 'cwd' | 'env' | 'paths' | 'loadConfigBundle'> {
  service: ServiceBundle;
}

export async function clientFindings({ service, ...context }: CheckOptions): Promise<Finding[]> {
  const { env, paths } = context;
  return [
    node(),
    await git(),
    socket(paths),
    disk(paths),
    ...(await configFindings(context)),
    ...(await agentFindings(context)),
    ...(await service.serviceFindings({ env, bundle_folder: __dirname })),
  ];
}

const ok = (check: string, message: string): Finding => ({ check, level: 'ok', message, fix: null });

function node(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= NODE_MAJOR_MIN) return ok('node', `Node ${process.versions.node}`);
  return {
    check: 'node',
    level: 'error',
    message: `Node ${process.versions.node}`,
    fix: 'Install Node 24.15 or newer.',
  };
}

async function git(): Promise<Finding> {
  const { execFile } = await import('node:child_process');
  const version = await new Promise<string | null>(done => {
    execFile('git', ['--version'], { timeout: GIT_TIMEOUT_MS }, (error, stdout) =>
      done(error ? null : stdout.trim()),
    );
  });
  if (version) return ok('git', version);
  return {
    check: 'git',
    level: 'error',
    message: 'git does not run',
    fix: 'Install git; agent tasks work in worktrees.',
  };
}

function socket({ runtime, socket: path }: Paths): Finding {
  const check = 'socket';
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    const fix = 'Set RASEN_HOME (or RASEN_RUNTIME_DIR) to a folder with a shorter path.';
    return { check, level: 'error', message: `${path} is longer than ${MAX_SOCKET_PATH_BYTES} bytes`, fix };
  }
  const stat = lstatSync(runtime, { throwIfNoEntry: false });
  if (!stat) return ok(check, `${runtime} is made when a supervisor starts`);
  const uid = process.getuid?.();
  const wrong = !stat.isDirectory()
    ? 'is no folder'
    : stat.uid !== uid
      ? `belongs to user ${stat.uid}`
      : (stat.mode & 0o077) !== 0
        ? `is open to others (mode ${(stat.mode & 0o777).toString(8)})`
        : null;
  if (wrong === null) return ok(check, path);
  return {
    check,
    level: 'error',
    message: `${runtime} ${wrong}`,
    fix: `Move it away, or: chmod 700 ${runtime}`,
  };
}

function disk({ home }: Paths): Finding {
  let folder = home;
  while (!lstatSync(folder, { throwIfNoEntry: false })) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    return {
      check: 'disk',
      level: 'error',
      message: `the state in ${home} cannot be written: ${messageOf(error)}`,
      fix: `See who owns ${folder}, its mode, and whether its disk is mounted read-only. RASEN_HOME names another place.`,
    };
  }
  try {
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    const message = `${Math.floor(free / 1024 ** 2)} MiB free for ${home}`;
    if (free >= DISK_WARN_BYTES) return ok('disk', message);
    return {
      check: 'disk',
      level: 'warning',
      message,
      fix: 'Free some space; `rasen gc` removes old tasks.',
    };
  } catch (error) {
    return { check: 'disk', level: 'warning', message: `${home}: ${messageOf(error)}`, fix: null };
  }
}
