/**
 * Who runs this process, as the user database has it. Not every user is in it: containers are started under any number.
 * The only place that asks.
 */
import { userInfo } from 'node:os';

export interface UserEntry {
  /** The number, where there is no entry. */
  name: string;
  uid: number;
  gid: number;
  /** Null where there is no entry. A service manager takes this one, whatever HOME says. */
  home: string | null;
  shell: string | null;
}

export function userEntry(): UserEntry {
  try {
    const { username, uid, gid, homedir, shell } = userInfo();
    return { name: username, uid, gid, home: homedir, shell: shell || null };
  } catch {
    const uid = process.getuid?.() ?? -1;
    return { name: String(uid), uid, gid: process.getgid?.() ?? -1, home: null, shell: null };
  }
}

/** Where the files of this user are: HOME, or what the user database has; `/` where neither says anything. */
export const ownHome = (env: NodeJS.ProcessEnv = process.env): string => env.HOME || userEntry().home || '/';
