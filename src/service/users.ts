/** Who a service is for: the user that asks, or the one that root names. */
import { statSync } from 'node:fs';
import { RasenError } from '../contract/errors.ts';
import { type UserEntry, userEntry } from '../host/user.ts';
import type { Run } from './run.ts';
import type { ServiceUser } from './service.ts';

/**
 * `home` is that of the user database, which the service manager has, too: it looks for units there, whatever HOME is in
 * this shell. (State and configuration are where HOME says; see instance-environment.ts.) Throws `usage` when HOME is
 * another user's.
 */
export function ownUser(env: NodeJS.ProcessEnv, entry: UserEntry = userEntry()): ServiceUser {
  const { name, uid, gid, shell } = entry;
  const here = env.HOME || entry.home || '/';
  const owner = ownerOf(here);
  if (owner !== undefined && owner !== uid && here !== entry.home && here !== '/')
    throw new RasenError('usage', `HOME is ${here}, which belongs to another user (uid ${owner}).`, {
      hint: `Start a login shell of ${name}: sudo -iu ${name} (or su - ${name}).`,
    });
  return { name, uid, gid, home: entry.home ?? here, shell: shell ?? '/bin/sh' };
}

function ownerOf(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.uid;
  } catch {
    // Whoever may not even look there is told so by what needs the folder.
    return undefined;
  }
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
