/**
 * Services that cannot be there together: an agent and a daemon for one user, since they have one state, and the agent of
 * another RASEN_HOME, since there is one job of that name.
 */
import { RasenError } from '../../errors.ts';
import { isFileAt, seenAt } from '../files.ts';
import type { ServiceRequest } from '../service.ts';
import { namesOf, plistFile } from './job.ts';

/** Throws `service` when the other kind of job is installed for this user. */
export function refuseOtherKind(request: ServiceRequest, root: string): void {
  const { mode, user } = request;
  const path = namesOf({ ...request, mode: mode === 'user' ? 'system' : 'user' }, root).plist;
  if (!isFileAt(path)) return;
  throw mode === 'user'
    ? new RasenError('service', `rasend is a LaunchDaemon for ${user.name} already.`, {
        hint: `Use it as it is, or remove it first: sudo rasen service uninstall --system ${user.name}`,
        data: { path },
      })
    : new RasenError('service', `${user.name} has rasend as a LaunchAgent of his own already.`, {
        hint: `Use it as it is, or let ${user.name} remove it first: rasen service uninstall`,
        data: { path },
      });
}

/** Throws `service` when the file on disk is that of another instance. */
export function refuseOtherInstance(request: ServiceRequest, root: string): void {
  const { path, text } = plistFile(request, root);
  const there = seenAt(path);
  if (there === null || homeIn(there) === homeIn(text)) return;
  throw new RasenError(
    'service',
    `The service is that of another instance of rasen; see RASEN_HOME in ${path}.`,
    {
      hint: 'Use the RASEN_HOME that it was installed with, or none if there was none.',
      data: { path },
    },
  );
}

/** RASEN_HOME as it stands in the text; undefined without one. */
function homeIn(text: string): string | undefined {
  return /<key>RASEN_HOME<\/key>\s*<string>([^<]*)/.exec(text)?.[1];
}
