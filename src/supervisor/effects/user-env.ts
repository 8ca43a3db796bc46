/**
 * Beneath the environment that was captured when a task was handed over: who the user is. Programs that were started by a
 * service manager, or from a script with a bare environment, would otherwise find no home and nobody logged in.
 */
import { userInfo } from 'node:os';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function userEnv(): Record<string, string> {
  const { username, homedir, shell } = userInfo();
  return { HOME: homedir, USER: username, LOGNAME: username, PATH, ...(shell ? { SHELL: shell } : {}) };
}
