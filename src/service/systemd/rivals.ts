/**
 * Services that cannot be there together: rasend of the user and of the system for one user, since they have one state,
 * and the user's rasend of another RASEN_HOME, since there is one unit of that name.
 */
import { join } from 'node:path';
import { RasenError } from '../../errors.ts';
import { isFileAt, seenAt } from '../files.ts';
import type { ServiceRequest } from '../service.ts';
import { dropInPath, namesOf, type SystemdFolders, userUnitFolder } from './names.ts';

/** Throws `service` when the other kind of service is installed for this user. */
export function refuseOtherKind({ mode, user }: ServiceRequest, folders: SystemdFolders): void {
  const system = dropInPath(user.name, folders);
  if (mode === 'user' && isFileAt(system))
    throw new RasenError('service', `rasend is a service of the system for ${user.name} already.`, {
      hint: `Use it as it is, or remove it first: sudo rasen service uninstall --system ${user.name}`,
      data: { path: system },
    });
  const own = join(userUnitFolder(user.home), 'rasend.service');
  if (mode === 'system' && isFileAt(own))
    throw new RasenError('service', `${user.name} has rasend as a service of his own already.`, {
      hint: `Use it as it is, or let ${user.name} remove it first: rasen service uninstall`,
      data: { path: own },
    });
}

/** Throws `service` when the unit on disk is that of another instance. */
export function refuseOtherInstance(request: ServiceRequest, folders: SystemdFolders): void {
  if (request.mode !== 'user') return;
  const { units, socket } = namesOf(request, folders);
  const path = join(units, socket);
  const served = servedSocket(seenAt(path) ?? '', request, folders);
  if (served === null || served === request.paths.socket) return;
  throw new RasenError(
    'service',
    `The service is that of another instance of rasen: it listens on ${served}.`,
    {
      hint: 'Use the RASEN_HOME that it was installed with, or none if there was none.',
      data: { path, socket: served },
    },
  );
}

/** The socket that a unit's text names; null when it names none. */
export function servedSocket(
  text: string,
  { user }: Pick<ServiceRequest, 'user'>,
  { run_user }: SystemdFolders,
): string | null {
  const listen = /^ListenStream=(.+)$/m.exec(text)?.[1];
  if (listen === undefined) return null;
  const values: Record<string, string> = {
    '%t': join(run_user, String(user.uid)),
    '%h': user.home,
    '%%': '%',
  };
  return listen.replaceAll(/%./g, code => values[code] ?? code);
}
