/** The agent of another RASEN_HOME, which cannot be there together with this one: there is one job of that name. */
import { RasenError } from '../../contract/errors.ts';
import { seenAt } from '../files.ts';
import type { ServiceRequest } from '../service.ts';
import { plistFile } from './job.ts';

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
