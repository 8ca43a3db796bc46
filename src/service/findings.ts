/**
 * What `rasen doctor` says about the service: from outside (is it installed, does it run, is it what this version would
 * install) and from inside the supervisor (what it was given by the service manager). Changes nothing.
 */
import { accessSync, constants, existsSync } from 'node:fs';
import { isRasenError, messageOf } from '../contract/errors.ts';
import type { Finding } from '../index.ts';
import { detachedPid } from './detached.ts';
import { concernAbout, findLauncher } from './launcher.ts';
import { askLoginShell } from './login-shell.ts';
import { serviceManager } from './pick.ts';
import { requestOf, servedMode } from './request.ts';
import { lastLine, type Run, runProgram } from './run.ts';
import type { GatewayStatus, ServiceMode } from './service.ts';
import { isLingering } from './systemd/linger.ts';
import { FOLDERS } from './systemd/names.ts';
import { ownUser } from './users.ts';

const CHECK = 'service';
const ok = (message: string, check = CHECK): Finding => ({ check, level: 'ok', message, fix: null });
const warning = (message: string, fix: string, check = CHECK): Finding => ({
  check,
  level: 'warning',
  message,
  fix,
});
const failure = (message: string, fix: string, check = CHECK): Finding => ({
  check,
  level: 'error',
  message,
  fix,
});

export interface OutsideOptions {
  env: NodeJS.ProcessEnv;
  bundle_folder: string;
}

/** Seen by the command; works without a supervisor. */
export async function serviceFindings({ env, bundle_folder }: OutsideOptions): Promise<Finding[]> {
  if (process.platform === 'linux' && !existsSync(FOLDERS.booted))
    return [ok('systemd does not run here; `rasen run` starts a supervisor, which ends with the machine')];
  try {
    const user = ownUser(env);
    const mode = servedMode(env, user);
    const launcher = findLauncher(bundle_folder);
    const request = requestOf({ mode, user, launcher, env, login: null });
    const service = await serviceManager(env, { launcher });
    const status = await service.status(request);
    const flag = mode === 'system' ? ` --system ${user.name}` : '';
    const command = (verb: string) => `${flag ? 'sudo ' : ''}rasen service ${verb}${flag}`;
    const detached = await detachedPid(request, status.pid);
    if (!status.installed)
      return [
        ok(`not installed with ${service.name}; tasks wait after a reboot until \`rasen run\` or resume`),
      ];
    const found: Finding[] = [];
    if (detached !== null)
      found.push(
        failure(
          `a detached supervisor (PID ${detached}) has the tasks, although there is a service`,
          `The service takes over with: ${command('start')}`,
        ),
      );
    if (status.problem !== null)
      found.push(failure(status.problem, `When that is mended: ${command('restart')}`));
    else if (!status.running)
      found.push(warning(`installed, but ${status.state}`, `Start it: ${command('start')}`));
    if (!status.at_boot)
      found.push(
        warning(
          'it ends with your last session and does not come at boot',
          `sudo loginctl enable-linger ${user.name}; or, when its links are missing: ${command('install')}`,
        ),
      );
    if (status.outdated.length > 0)
      found.push(
        warning(
          `not what this version installs: ${status.outdated.join(', ')}`,
          `Bring it up to date; tasks go on meanwhile: ${command('install')}`,
        ),
      );
    found.push(...launcherFindings(service.program(request)));
    const gateway = gatewayFinding(await service.gateway.status(request), command);
    return [
      ...(found.length > 0 ? found : [ok(`${service.name}: ${status.state}, comes at boot`)]),
      ...(gateway ? [gateway] : []),
    ];
  } catch (error) {
    if (!isRasenError(error)) throw error;
    return [warning(error.message, error.hint ?? '')];
  }
}

/** Null: it is none here, and need not be. */
function gatewayFinding(status: GatewayStatus | null, command: (verb: string) => string): Finding | null {
  if (status === null) return null;
  const { url, state, problem, answers, outdated } = status;
  if (problem !== null) return failure(problem, `When that is mended: ${command('restart')}`, 'gateway');
  if (!answers) return warning(`installed, but ${state}`, `Start it: ${command('start')}`, 'gateway');
  if (outdated.length > 0)
    return warning(
      `not what this version installs: ${outdated.join(', ')}`,
      `Bring it up to date: ${command('install')}`,
      'gateway',
    );
  return ok(`${url}, ${state}`, 'gateway');
}

/** The program that the installed files name. */
function launcherFindings(path: string | null): Finding[] {
  if (path === null) return [];
  try {
    accessSync(path, constants.X_OK);
  } catch (error) {
    return [
      failure(`its program cannot be run: ${messageOf(error)}`, 'Install it again: rasen service install'),
    ];
  }
  const concern = concernAbout(path);
  return concern ? [warning(concern.message, concern.fix)] : [];
}

export interface InsideOptions {
  env: NodeJS.ProcessEnv;
  /** Limits that the cage holds, by their names in a plan. */
  enforces: readonly string[];
  run?: Run;
}

/** Seen by a supervisor that a service manager runs; a detached one has nothing to say. */
export async function insideFindings({ env, enforces, run = runProgram }: InsideOptions): Promise<Finding[]> {
  const mode = env.RASEN_SERVICE;
  if ((mode !== 'user' && mode !== 'system') || process.platform !== 'linux') return [];
  const user = ownUser(env);
  const found = await Promise.all([
    version(run),
    linger(user.name, mode, run),
    loginPath(env, run),
    journal(user.name, mode, run),
  ]);
  return [...found, runtime(), controllers(enforces)];
}

async function version(run: Run): Promise<Finding> {
  const { code, stdout } = await run(['systemctl', '--version']);
  const name = /^systemd \d+/.exec(stdout)?.[0];
  if (code === 0 && name) return ok(`run by ${name}`);
  return warning('systemctl does not run', 'Is systemd installed and on PATH?');
}

async function linger(user: string, mode: ServiceMode, run: Run): Promise<Finding> {
  if (await isLingering(user, args => run(['loginctl', ...args]))) return ok(`${user} lingers`, 'linger');
  const what = mode === 'user' ? 'rasend and its tasks end' : 'tasks end';
  return warning(`${what} with the last session of ${user}`, `sudo loginctl enable-linger ${user}`, 'linger');
}

async function loginPath(env: NodeJS.ProcessEnv, run: Run): Promise<Finding> {
  const login = await askLoginShell(ownUser(env), run);
  if (!login) return warning('the login shell does not tell its PATH', 'Set PATH in service.env.', 'path');
  const have = new Set((env.PATH ?? '').split(':'));
  const missing = [...new Set(login.path.split(':'))].filter(folder => folder !== '' && !have.has(folder));
  if (missing.length === 0) return ok('the PATH of the service has all of the login shell', 'path');
  return warning(
    `the PATH of the service misses ${missing.join(', ')} of the login shell`,
    'Take it again: rasen service install',
    'path',
  );
}

async function journal(user: string, mode: ServiceMode, run: Run): Promise<Finding> {
  const which = mode === 'user' ? ['--user', '-u', 'rasend'] : ['-u', `rasend@${user}`];
  const ran = await run(['journalctl', ...which, '-n', '1', '-o', 'cat', '--no-pager']);
  const command = `journalctl ${which.join(' ')}`;
  if (ran.code === 0 && !/insufficient permissions/.test(ran.stderr)) return ok(command, 'journal');
  return warning(
    `the log cannot be read: ${lastLine(ran)}`,
    `sudo usermod -aG systemd-journal ${user}, or keep the journal on disk: sudo mkdir /var/log/journal`,
    'journal',
  );
}

/** The program that runs us may have been removed or replaced since. */
function runtime(): Finding {
  const { execPath } = process;
  if (!existsSync(execPath))
    return failure(`${execPath}, which runs rasend, is gone`, 'rasen service install', 'runtime');
  const concern = concernAbout(execPath);
  return concern ? warning(concern.message, concern.fix, 'runtime') : ok(execPath, 'runtime');
}

/** Each of the kernel's controllers, with the limit that does nothing without it, silently. */
const CONTROLLERS = { memory: 'memory_max_bytes', cpu: 'cpu_max_percent', pids: 'tasks_max' } as const;

function controllers(enforces: readonly string[]): Finding {
  const check = 'controllers';
  const missing = Object.entries(CONTROLLERS).filter(([, limit]) => !enforces.includes(limit));
  if (missing.length === 0) return ok(Object.keys(CONTROLLERS).join(', '), check);
  return warning(
    `limits have no effect: ${missing.map(([, limit]) => limit).join(', ')}`,
    `They need attempts in units and the controllers ${missing.map(([name]) => name).join(', ')} of cgroup v2: sudo systemctl edit user@.service, [Service] Delegate=cpu cpuset io memory pids`,
    check,
  );
}
