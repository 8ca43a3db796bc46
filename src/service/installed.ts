/**
 * The installed service, seen by whoever finds that no supervisor answers: whether there is one for this instance, and
 * how it is started. Looks at links on disk only, since it is asked before every start.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isRasenError, RasenError } from '../contract/errors.ts';
import type { Paths } from '../paths.ts';
import { waitForAnswer } from './answer.ts';
import { masterOf } from './detached.ts';
import { isTaken, seenAt } from './files.ts';
import { gatewayUrl } from './gateway-address.ts';
import { PACKAGED } from './packaged.ts';
import { serviceManager } from './pick.ts';
import { requestOf, servedMode } from './request.ts';
import { lastLine, type Run, runProgram } from './run.ts';
import type { ServiceMode, ServiceUser } from './service.ts';
import { FOLDERS, type SystemdFolders, userUnitFolder } from './systemd/names.ts';
import { servedSocket } from './systemd/rivals.ts';
import { ownUser } from './users.ts';
import { servicesOf } from './whose.ts';

const START_MS = 130_000;
/** Longer than a supervisor takes to see that its socket is gone. */
const REBIND_MS = 3_000;

export interface InstalledOptions {
  env: NodeJS.ProcessEnv;
  paths: Paths;
  folders?: SystemdFolders;
  run?: Run;
  /** Default: who runs this. */
  user?: ServiceUser;
}

/** Which service is there to answer on the socket of these paths; null: none. */
export function installedFor({
  env,
  paths,
  folders = FOLDERS,
  user = ownUser(env),
}: InstalledOptions): ServiceMode | null {
  // A home can be that of a machine with systemd, seen from a container without it.
  if (process.platform !== 'linux' || !existsSync(folders.booted)) return null;
  // Also where its socket is not there yet, or not any more: then these paths are the user's own.
  if (!env.RASEN_RUNTIME_DIR && servedMode(env, user, folders) === 'system') return 'system';
  const units = userUnitFolder(user.home);
  // systemd's links of an enabled socket: of this user, or of all.
  const wanted = [units, ...PACKAGED].some(folder =>
    existsSync(join(folder, 'sockets.target.wants/rasend.socket')),
  );
  const file = [units, ...PACKAGED].map(folder => join(folder, 'rasend.socket')).find(isTaken);
  if (!wanted || file === undefined) return null;
  return servedSocket(seenAt(file) ?? '', { user }, folders) === paths.socket ? 'user' : null;
}

/** False when there is none. Throws `service` when it is there and cannot be started. */
export async function startInstalled(
  options: InstalledOptions,
  say: (text: string) => void,
): Promise<boolean> {
  const kind = installedFor(options);
  if (kind === null) return false;
  const { env, paths, folders = FOLDERS, run = runProgram, user = ownUser(env) } = options;
  if (kind === 'system') {
    if (await answersSoon(paths.socket)) return true;
    throw (await whyNotServing(options)) ?? silentSystemService(user);
  }
  say('no supervisor answers; starting the installed service');
  const ask = (...args: string[]) =>
    run(['systemctl', '--user', '--no-ask-password', ...args], {
      env: { ...env, XDG_RUNTIME_DIR: managerRuntime(user, folders), LC_ALL: 'C.UTF-8', SYSTEMD_COLORS: '0' },
      timeout_ms: START_MS,
    });
  const start = () => ask('start', 'rasend.socket', 'rasend.service');
  let ran = await start();
  // A manager that came up before this home was mounted has not read what is in it.
  if (ran.code !== 0 && /not found/.test(ran.stderr) && (await ask('daemon-reload')).code === 0)
    ran = await start();
  if (ran.code === 0) return true;
  throw (
    (await whyNotServing(options)) ??
    new RasenError('service', `The service rasend does not start: ${lastLine(ran)}.`, {
      hint: 'Look: systemctl --user status rasend; rasen doctor. Without a service again: rasen service uninstall',
    })
  );
}

/**
 * Why the service that should answer does not, for commands that wait for it: RasenError `service`. Null: it may still
 * come, there is none, or its manager does not tell.
 */
export async function whyNotServing(options: InstalledOptions): Promise<RasenError | null> {
  try {
    return await problemOf(options);
  } catch (error) {
    if (isRasenError(error)) return null;
    throw error;
  }
}

/** Where the gateway that is a service of this instance is asked; null: none is. */
export async function installedGateway({
  env,
  paths,
  folders = FOLDERS,
  user = ownUser(env),
}: InstalledOptions): Promise<string | null> {
  if (process.platform === 'linux' && installedFor({ env, paths, folders, user }) === null) return null;
  const request = requestOf({ mode: servedMode(env, user, folders), user, launcher: '', env, login: null });
  if (request.paths.socket !== paths.socket) return null;
  const manager = await serviceManager(env, { folders }).catch(() => null);
  const address = manager?.gateway.address(request) ?? null;
  return address === null ? null : gatewayUrl(address);
}

/** The command that restarts the supervisor which answers now, for whoever finds that it is of another release. */
export async function howToRestart({
  env,
  paths,
  folders = FOLDERS,
  user = ownUser(env),
}: InstalledOptions): Promise<string> {
  const master = await masterOf({ user, paths });
  const services = servicesOf(user, { folders });
  const isService =
    process.platform === 'linux' ? master?.unit !== null : services.user !== null || services.system !== null;
  // After it, the next command starts another one.
  if (master !== null && !isService) return `kill -USR2 ${master.pid}`;
  const isOfSystem = master?.unit?.includes('@') ?? servedMode(env, user, folders) === 'system';
  return isOfSystem ? `sudo rasen service restart --system ${user.name}` : 'rasen service restart';
}

async function problemOf({
  env,
  paths,
  folders = FOLDERS,
  run = runProgram,
  user = ownUser(env),
}: InstalledOptions): Promise<RasenError | null> {
  const mode =
    process.platform === 'linux' ? installedFor({ env, paths, folders, user }) : servedMode(env, user);
  if (mode === null) return null;
  const request = requestOf({ mode, user, launcher: '', env, login: null });
  const manager = await serviceManager(env, { run, folders });
  const { problem, cannot_start } = await manager.status(request);
  if (problem === null || !cannot_start) return null;
  const [sudo, flag] = mode === 'system' ? ['sudo ', ` --system ${user.name}`] : ['', ''];
  return new RasenError('service', `${problem}.`, {
    hint: `When that is mended: ${sudo}rasen service restart${flag}; more: rasen doctor`,
  });
}

/** One that runs puts a socket that was removed back by itself. */
async function answersSoon(socket: string): Promise<boolean> {
  return await waitForAnswer(socket, { timeout_ms: REBIND_MS }).then(
    () => true,
    () => false,
  );
}

function silentSystemService({ name }: ServiceUser): RasenError {
  return new RasenError('service', `rasend@${name}.service, the service of the system, does not answer.`, {
    hint: `It is for root to start: sudo rasen service start --system ${name}`,
  });
}

function managerRuntime({ uid }: ServiceUser, { run_user }: SystemdFolders): string {
  return join(run_user, String(uid));
}
