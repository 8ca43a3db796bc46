/**
 * The installed service, seen by whoever finds that no supervisor answers: whether there is one for this instance, and
 * how it is started. Looks at links on disk only, since it is asked before every start.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RasenError } from '../errors.ts';
import type { Paths } from '../paths.ts';
import { isTaken, seenAt } from './files.ts';
import { lastLine, type Run, runProgram } from './run.ts';
import type { ServiceMode, ServiceUser } from './service.ts';
import { hasSystemService } from './system-service.ts';
import { FOLDERS, type SystemdFolders, userUnitFolder } from './systemd/names.ts';
import { servedSocket } from './systemd/rivals.ts';
import { ownUser } from './users.ts';

const START_MS = 130_000;
/** Where packages put units for every user. */
const PACKAGED = ['/etc/systemd/user', '/usr/local/lib/systemd/user', '/usr/lib/systemd/user'];

export interface InstalledOptions {
  env: NodeJS.ProcessEnv;
  paths: Paths;
  folders?: SystemdFolders;
  run?: Run;
}

/** Which service is there to answer on the socket of these paths; null: none. */
export function installedFor({ env, paths, folders = FOLDERS }: InstalledOptions): ServiceMode | null {
  // A home can be that of a machine with systemd, seen from a container without it.
  if (process.platform !== 'linux' || !existsSync(folders.booted)) return null;
  const user = ownUser(env);
  if (hasSystemService(env, user.name, folders) && paths.runtime === join(folders.run_rasen, user.name))
    return 'system';
  // systemd's link of an enabled socket.
  const units = userUnitFolder(user.home);
  if (!existsSync(join(units, 'sockets.target.wants/rasend.socket'))) return null;
  const file = [units, ...PACKAGED].map(folder => join(folder, 'rasend.socket')).find(isTaken);
  if (file === undefined) return null;
  return servedSocket(seenAt(file) ?? '', { user }, folders) === paths.socket ? 'user' : null;
}

/** False when there is none. Throws `service` when it is there and cannot be started. */
export async function startInstalled(
  options: InstalledOptions,
  say: (text: string) => void,
): Promise<boolean> {
  const kind = installedFor(options);
  if (kind === null) return false;
  const user = ownUser(options.env);
  if (kind === 'system')
    throw new RasenError(
      'service',
      `rasend@${user.name}.service, the service of the system, does not answer.`,
      {
        hint: `It is for root to start: sudo rasen service start --system ${user.name}`,
      },
    );
  say('no supervisor answers; starting the installed service');
  const { env, folders = FOLDERS, run = runProgram } = options;
  const ran = await run(
    ['systemctl', '--user', '--no-ask-password', 'start', 'rasend.socket', 'rasend.service'],
    {
      env: { ...env, XDG_RUNTIME_DIR: managerRuntime(user, folders), LC_ALL: 'C.UTF-8', SYSTEMD_COLORS: '0' },
      timeout_ms: START_MS,
    },
  );
  if (ran.code === 0) return true;
  throw new RasenError('service', `The service rasend does not start: ${lastLine(ran)}.`, {
    hint: 'Look: systemctl --user status rasend; rasen doctor. Without a service again: rasen service uninstall',
  });
}

function managerRuntime({ uid }: ServiceUser, { run_user }: SystemdFolders): string {
  return join(run_user, String(uid));
}
