/** Who a service is for: the user that asks, or the one that root names. */
import { statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { RasenError } from '../contract/errors.ts';
import type { Run } from './run.ts';
import type { ServiceUser } from './service.ts';

/** HOME wins over the user database, as for every path of rasen. Throws `usage` when it is another user's. */
export function ownUser(env: NodeJS.ProcessEnv): ServiceUser {
  const { username, uid, gid, homedir, shell } = userInfo();
  const home = env.HOME || homedir;
  const owner = statSync(home, { throwIfNoEntry: false })?.uid;
  if (owner !== undefined && owner !== uid)
    throw new RasenError('usage', `HOME is ${home}, which belongs to another user (uid ${owner}).`, {
      hint: `Become the user with a login of his own: sudo -iu ${username} (or su - ${username}).`,
    });
  return { name: username, uid, gid, home, shell: shell || '/bin/sh' };
}

/** Throws `usage` when there is no such user. */
export async function namedUser(name: string, run: Run): Promise<ServiceUser> {
  // What can stand in the name of a unit and in a path as it is.
  if (!/^[a-z_][\w.-]*$/i.test(name))
    throw new RasenError('usage', `"${name}" cannot be the name of a user here.`, {
      hint: 'Give the login name: letters, digits, and _ . - behind the first letter.',
    });
  const found =
    process.platform === 'darwin' ? await fromDirectory(name, run) : await fromDatabase(name, run);
  if (!found)
    throw new RasenError('usage', `There is no user ${name}.`, { hint: 'getent passwd lists them.' });
  return found;
}

async function fromDatabase(name: string, run: Run): Promise<ServiceUser | null> {
  const { code, stdout } = await run(['getent', 'passwd', name]);
  const [login, , uid, gid, , home, shell] = stdout.trimEnd().split('\n')[0]!.split(':');
  if (code !== 0 || login !== name || !home?.startsWith('/')) return null;
  return { name, uid: Number(uid), gid: Number(gid), home, shell: shell || '/bin/sh' };
}

/** macOS has no getent. */
async function fromDirectory(name: string, run: Run): Promise<ServiceUser | null> {
  const keys = ['UniqueID', 'PrimaryGroupID', 'NFSHomeDirectory', 'UserShell'];
  const { code, stdout } = await run(['dscl', '.', '-read', `/Users/${name}`, ...keys]);
  const value = (key: string) => new RegExp(`^${key}:\\s*(.+)$`, 'm').exec(stdout)?.[1]?.trim();
  const home = value('NFSHomeDirectory');
  if (code !== 0 || !home) return null;
  const [uid, gid] = [Number(value('UniqueID')), Number(value('PrimaryGroupID'))];
  return { name, uid, gid, home, shell: value('UserShell') ?? '/bin/sh' };
}
