/** Resolves what a service is to be made of: for whom, with which program, PATH and umask. Changes nothing. */
import { join } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import { instancePaths } from '../paths.ts';
import { concernAbout, findLauncher } from './launcher.ts';
import { askLoginShell, type LoginShell } from './login-shell.ts';
import { type Run, runProgram } from './run.ts';
import type { ServiceMode, ServiceRequest, ServiceUser } from './service.ts';
import { FOLDERS, type SystemdFolders } from './systemd/names.ts';
import { namedUser, ownUser } from './users.ts';
import { type Named, refuseOther, servicesOf } from './whose.ts';

export type ServiceVerb = 'install' | 'uninstall' | 'start' | 'stop' | 'restart' | 'status';

/** What acts on a service that is there; the installation looks for others itself. */
const CHANGES: readonly ServiceVerb[] = ['uninstall', 'start', 'stop', 'restart'];

export interface RequestOptions {
  env: NodeJS.ProcessEnv;
  /** A service of the system for this user. */
  system?: string | undefined;
  /** Where the running bundle is; the launcher is found from there. */
  bundle_folder: string;
  /** For `install` the login shell is asked and the launcher is judged; `status` needs no rights. */
  verb: ServiceVerb;
  /** Told what is not as it should be and does not hinder. */
  warn(text: string): void;
  run?: Run;
}

export async function serviceRequest(options: RequestOptions): Promise<ServiceRequest> {
  const { env, verb, warn, run = runProgram } = options;
  const installs = verb === 'install';
  const system = options.system ?? (verb === 'status' ? servedBySystem(env) : undefined);
  const mode = system === undefined ? 'user' : 'system';
  if (verb !== 'status') checkRights(options);
  const user = system === undefined ? ownUser(env) : await namedUser(system, run);
  // An instance of its own (RASEN_HOME) is none of the system's; see checkRoot().
  if (CHANGES.includes(verb) && !env.RASEN_HOME) refuseOther(mode, verb, user);
  const launcher = findLauncher(options.bundle_folder);
  if (installs) await judge(launcher, user, options, run);
  const login = installs ? await askLoginShell(user, run) : null;
  if (installs && !login)
    warn(
      `the login shell of ${user.name} (${user.shell}) does not tell its PATH; taking that of this command`,
    );
  const request = requestOf({ mode, user, launcher, env, login });
  checkPaths(request);
  return request;
}

/** What would break out of its line in a unit. Throws `usage`. */
function checkPaths({ paths, user }: ServiceRequest): void {
  const bad = [user.home, ...Object.values(paths)].find(path => /[\x00-\x1f\x7f]/.test(path));
  if (bad !== undefined)
    throw new RasenError('usage', `There is a control character in the path ${JSON.stringify(bad)}.`, {
      hint: 'Use another folder for HOME, RASEN_HOME or the XDG variables.',
    });
}

interface Parts {
  mode: ServiceMode;
  user: ServiceUser;
  launcher: string;
  env: NodeJS.ProcessEnv;
  login: LoginShell | null;
}

export function requestOf({ mode, user, launcher, env, login }: Parts): ServiceRequest {
  return {
    mode,
    user,
    launcher,
    path: login?.path ?? env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    umask: login?.umask ?? currentUmask(),
    rasen_home: mode === 'user' && env.RASEN_HOME ? instancePaths(env).home : null,
    paths: instancePaths(mode === 'user' ? userEnvironment(env, user) : systemEnvironment(user)),
  };
}

/** The manager's XDG_RUNTIME_DIR, which a command from cron or `sudo -u` does not have. */
function userEnvironment(env: NodeJS.ProcessEnv, { uid, home }: ServiceUser): NodeJS.ProcessEnv {
  if (process.platform !== 'linux') return env;
  return { ...env, HOME: env.HOME || home, XDG_RUNTIME_DIR: join(FOLDERS.run_user, String(uid)) };
}

/** Nothing of root's environment is the user's. */
function systemEnvironment({ name, home }: ServiceUser): NodeJS.ProcessEnv {
  const socket = process.platform === 'linux' ? { RASEN_RUNTIME_DIR: join(FOLDERS.run_rasen, name) } : {};
  return { HOME: home, ...socket };
}

/** The service that a user means who does not say which: the one that there is. */
export function servedMode(env: NodeJS.ProcessEnv, user: Named, folders?: SystemdFolders): ServiceMode {
  if (env.RASEN_HOME) return 'user';
  const { system, user: own } = servicesOf(user, folders && { folders });
  return system !== null && own === null ? 'system' : 'user';
}

function servedBySystem(env: NodeJS.ProcessEnv): string | undefined {
  const user = ownUser(env);
  return servedMode(env, user) === 'system' ? user.name : undefined;
}

function checkRights({ env, system, verb }: RequestOptions): void {
  const uid = process.getuid!();
  if (system !== undefined) checkRoot({ env, system, verb }, uid);
  else if (uid === 0) checkSudo(env, verb);
}

/** Throws `usage`. */
function checkRoot(
  { env, system, verb }: Pick<RequestOptions, 'env' | 'system' | 'verb'>,
  uid: number,
): void {
  if (uid !== 0)
    throw new RasenError('usage', 'A service of the system is for root to manage.', {
      hint: `sudo rasen service ${verb} --system ${system}`,
    });
  if (env.RASEN_HOME)
    throw new RasenError('usage', 'A service of the system has the state of its user; RASEN_HOME is set.', {
      hint: 'Unset RASEN_HOME, or install it as a service of the user.',
    });
}

/** root is a user like others, but `sudo` in front of the command is a slip: it would be root's service. */
function checkSudo(env: NodeJS.ProcessEnv, verb: ServiceVerb): void {
  const { SUDO_USER: behind } = env;
  if (behind && behind !== 'root')
    throw new RasenError('usage', 'With sudo this would be a service of root.', {
      hint: `Without sudo it is a service of ${behind}; or: sudo rasen service ${verb} --system ${behind}`,
    });
}

/** Throws `service` when nothing can run from there. */
async function judge(launcher: string, user: ServiceUser, { warn }: RequestOptions, run: Run): Promise<void> {
  const concern = concernAbout(launcher);
  if (concern?.fatal) throw new RasenError('service', concern.message, { hint: concern.fix });
  if (concern) warn(`${concern.message}\n  ${concern.fix}`);
  if (process.getuid!() === user.uid) return;
  const { code } = await run(['test', '-x', launcher], { as: user });
  if (code !== 0)
    throw new RasenError('service', `${user.name} may not run ${launcher}.`, {
      hint: 'Install rasen where everybody may read it: sudo npm install -g rasen, or a package.',
    });
}

function currentUmask(): string {
  const umask = process.umask(0o077);
  process.umask(umask);
  return umask.toString(8).padStart(3, '0');
}
