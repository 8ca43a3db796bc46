/** Whether the system itself runs rasend for a user: then that is the service he means. */

import { isFileAt } from './files.ts';
import { daemonPath } from './launchd/job.ts';
import { dropInPath, FOLDERS, type SystemdFolders } from './systemd/names.ts';

/** An instance of its own (RASEN_HOME) has none; see checkRoot() in request.ts. */
export function hasSystemService(
  { RASEN_HOME }: NodeJS.ProcessEnv,
  user: string,
  folders: SystemdFolders = FOLDERS,
): boolean {
  if (RASEN_HOME) return false;
  return isFileAt(process.platform === 'darwin' ? daemonPath(user) : dropInPath(user, folders));
}
