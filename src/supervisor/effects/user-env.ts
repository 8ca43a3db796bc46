/**
 * Beneath the environment that was captured when a task was handed over: who the user is. Programs that were started by a
 * service manager, or from a script with a bare environment, would otherwise find no home and nobody logged in.
 */
import { ownHome, userEntry } from '../../host/user.ts';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function userEnv(): Record<string, string> {
  const { name, home, shell } = userEntry();
  return {
    HOME: home ?? ownHome(),
    USER: name,
    LOGNAME: name,
    PATH,
    ...(shell === null ? {} : { SHELL: shell }),
  };
}
