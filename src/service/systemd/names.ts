/** What the parts of an installation are called, for a user and for the system. Pure. */
import { join } from 'node:path';
import type { ServiceRequest } from '../service.ts';

/** Where systemd and logind keep things; tests have them elsewhere. */
export interface SystemdFolders {
  /** /etc */
  etc: string;
  /** /var/lib: logind remembers lingering there. */
  var_lib: string;
  /** As sd_booted(3): there when systemd is what runs this machine, or container. */
  booted: string;
  /** /run/user: a folder for each user whose manager runs. */
  run_user: string;
  /** /run/rasen: a folder for each user with a system service. */
  run_rasen: string;
}

export const FOLDERS: SystemdFolders = {
  etc: '/etc',
  var_lib: '/var/lib',
  booted: '/run/systemd/system',
  run_user: '/run/user',
  run_rasen: '/run/rasen',
};

export const SLICE = 'rasen.slice';

export interface Names {
  service: string;
  socket: string;
  /** Folder of the unit files. */
  units: string;
  /** Variables for the service, the administrator's or user's to add to. */
  environment: string;
  /** What the installation changed beside its files, for the uninstallation. */
  record: string;
}

export function namesOf({ mode, user, paths }: ServiceRequest, { etc }: SystemdFolders): Names {
  if (mode === 'user')
    return {
      service: 'rasend.service',
      socket: 'rasend.socket',
      units: userUnitFolder(user.home),
      environment: join(paths.config, '..', 'service.env'),
      record: join(paths.config, '..', 'service.json'),
    };
  return {
    service: `rasend@${user.name}.service`,
    socket: `rasend@${user.name}.socket`,
    units: join(etc, 'systemd/system'),
    environment: join(etc, 'rasen', `${user.name}.env`),
    record: join(etc, 'rasen', `${user.name}.json`),
  };
}

export function userUnitFolder(home: string): string {
  return join(home, '.config/systemd/user');
}

/** The drop-in that ties the system's rasend@USER to USER's own manager. */
export function dropInPath(user: string, { etc }: SystemdFolders): string {
  return join(etc, 'systemd/system', `rasend@${user}.service.d`, '10-user-manager.conf');
}

export interface GatewayNames {
  service: string;
  socket: string;
  /** Folder of the unit files. */
  units: string;
  /** Files of them: for a user the units themselves, of the system the templates. */
  service_file: string;
  socket_file: string;
  /** Of the system, what is the user's own; null for a user. */
  drop_ins: { service: string; socket: string } | null;
}

export function gatewayNamesOf(
  { mode, user }: Pick<ServiceRequest, 'mode' | 'user'>,
  { etc }: SystemdFolders,
): GatewayNames {
  const units = mode === 'user' ? userUnitFolder(user.home) : join(etc, 'systemd/system');
  const [template, name] =
    mode === 'user' ? ['rasen-gateway', 'rasen-gateway'] : ['rasen-gateway@', `rasen-gateway@${user.name}`];
  return {
    service: `${name}.service`,
    socket: `${name}.socket`,
    units,
    service_file: join(units, `${template}.service`),
    socket_file: join(units, `${template}.socket`),
    drop_ins:
      mode === 'user'
        ? null
        : {
            service: join(units, `${name}.service.d`, '10-user.conf'),
            socket: join(units, `${name}.socket.d`, '10-address.conf'),
          },
  };
}
