/** The user's rasend of another RASEN_HOME, which cannot be there together with this one: there is one unit of that name. */
import { join } from 'node:path';
import { RasenError } from '../../contract/errors.ts';
import { seenAt } from '../files.ts';
import type { ServiceRequest } from '../service.ts';
import { namesOf, type SystemdFolders } from './names.ts';

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
