/**
 * Which service is whose: the one place that tells whether rasend is a service of a user, of the system for that user,
 * or both. Looks at files and links only, since it is asked before every start. Used by everything in this folder that
 * acts on a service, so that no verb takes one service for the other.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import { isFileAt, isTaken } from './files.ts';
import { agentPath, daemonPath } from './launchd/job.ts';
import type { ServiceMode, ServiceUser } from './service.ts';
import { dropInPath, FOLDERS, type SystemdFolders, userUnitFolder } from './systemd/names.ts';

/** For each kind that is there: the file or link that says so. */
export type Services = Readonly<Record<ServiceMode, string | null>>;

export type Named = Pick<ServiceUser, 'name' | 'home'>;

/** Where to look; default: where the manager of this system has things. `root` is that of launchd's folders. */
export interface Places {
  manager?: 'systemd' | 'launchd';
  folders?: SystemdFolders;
  root?: string;
}

const NATIVE = process.platform === 'darwin' ? 'launchd' : 'systemd';

export function servicesOf(
  user: Named,
  { manager = NATIVE, folders = FOLDERS, root = '/' }: Places = {},
): Services {
  if (manager === 'launchd') {
    const [agent, daemon] = [agentPath(user.home), daemonPath(user.name, root)];
    return { user: isFileAt(agent) ? agent : null, system: isFileAt(daemon) ? daemon : null };
  }
  const own = userUnitFolder(user.home);
  // A unit of a package is there for everybody: only its links, made by `systemctl enable`, say whose service it is.
  const written = join(own, 'rasend.service');
  const dropIn = dropInPath(user.name, folders);
  const system = join(folders.etc, 'systemd/system');
  return {
    user: isFileAt(written)
      ? written
      : (linkIn(own, 'rasend') ?? linkIn(join(folders.etc, 'systemd/user'), 'rasend')),
    system: isFileAt(dropIn) ? dropIn : linkIn(system, `rasend@${user.name}`),
  };
}

/**
 * The kind that a verb acts on. `asked`: with or without --system. Throws `service` when that kind is not there and the
 * other one is: to act on a unit that nobody uses would end, or start a second time, what the other one runs.
 */
export function refuseOther(asked: ServiceMode, verb: string, user: Named, places?: Places): void {
  const services = servicesOf(user, places);
  if (services[asked] !== null) return;
  if (asked === 'user' && services.system !== null)
    throw new RasenError('service', `rasend is a service of the system for ${user.name}.`, {
      hint: `It is for root to ${verb}: sudo rasen service ${verb} --system ${user.name}`,
      data: { path: services.system },
    });
  if (asked === 'system' && services.user !== null)
    throw new RasenError('service', `rasend is a service of ${user.name}'s own, not of the system.`, {
      hint: `Let ${user.name} ${verb} it, without --system: rasen service ${verb}`,
      data: { path: services.user },
    });
}

/** Throws `service` when the other kind is there: both would have one state. */
export function refuseBoth(asked: ServiceMode, user: Named, places?: Places): void {
  const services = servicesOf(user, places);
  const path = services[asked === 'user' ? 'system' : 'user'];
  if (path === null) return;
  throw asked === 'user'
    ? new RasenError('service', `rasend is a service of the system for ${user.name} already.`, {
        hint: `Use it as it is, or remove it first: sudo rasen service uninstall --system ${user.name}`,
        data: { path },
      })
    : new RasenError('service', `${user.name} has rasend as a service of their own already.`, {
        hint: removal(path, user),
        data: { path },
      });
}

function removal(path: string, { name, home }: Named): string {
  if (!path.startsWith(`${home}/`))
    return `It is enabled for every user: sudo systemctl --global disable rasend.service rasend.socket`;
  return `Use it as it is, or let ${name} remove it first: rasen service uninstall`;
}

/**
 * The unit that a process is of, when it is a rasend of a service manager: `rasend.service`, `rasend@alice.service`.
 * Null for a detached one, and where there are no control groups.
 */
export function unitOf(pid: number): string | null {
  try {
    return unitIn(readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
  } catch {
    return null;
  }
}

/** From the text of /proc/PID/cgroup. */
export function unitIn(cgroup: string): string | null {
  return /\/(rasend(?:@[^/\n]+)?\.service)$/m.exec(cgroup)?.[1] ?? null;
}

/** A link that makes a target want the unit or its socket. */
function linkIn(units: string, unit: string): string | null {
  if (!existsSync(units)) return null;
  for (const folder of readdirSync(units)) {
    if (!/\.(wants|requires|upholds)$/.test(folder)) continue;
    for (const kind of ['service', 'socket']) {
      const path = join(units, folder, `${unit}.${kind}`);
      if (isTaken(path)) return path;
    }
  }
  return null;
}
