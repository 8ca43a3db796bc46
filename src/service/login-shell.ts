/**
 * What a login shell of the user sets up: his PATH and umask. Asked once, when the service is installed, since a
 * service manager starts nothing through a shell; `rasen doctor` asks again, to compare.
 */
import type { Run } from './run.ts';
import type { ServiceUser } from './service.ts';

/** Start-up files may do much, but nobody waits longer for them. */
const TIMEOUT_MS = 10_000;
const SCRIPT = `printf 'rasen<PATH>%s</PATH>' "$PATH"; printf '<UMASK>'; umask; printf '</UMASK>'`;
/** What login(1) would start with: nothing of the environment of the caller may end up in the answer. */
const BARE_PATH = '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin';

export interface LoginShell {
  path: string;
  /** Octal. */
  umask: string;
}

/** Null when the shell cannot be asked: it is none (nologin), it hangs, or it does not know our words. */
export async function askLoginShell(user: ServiceUser, run: Run): Promise<LoginShell | null> {
  const { name, home, shell, uid, gid } = user;
  const { stdout } = await run([shell, '-lic', SCRIPT], {
    env: {
      HOME: home,
      USER: name,
      LOGNAME: name,
      SHELL: shell,
      PATH: BARE_PATH,
      LANG: process.env.LANG,
      TERM: 'dumb',
      XDG_RUNTIME_DIR: `/run/user/${uid}`,
    },
    timeout_ms: TIMEOUT_MS,
    ...(process.getuid?.() === uid ? {} : { as: { uid, gid } }),
  });
  return parseAnswer(stdout);
}

/** Start-up files may print anything around it. */
export function parseAnswer(text: string): LoginShell | null {
  const path = /rasen<PATH>([^\n]*)<\/PATH>/.exec(text)?.[1];
  const umask = /<UMASK>\s*0*([0-7]{1,3})\s*<\/UMASK>/.exec(text)?.[1];
  if (!path || umask === undefined || /[\x00-\x1f\x7f]/.test(path)) return null;
  return { path, umask: umask.padStart(3, '0') };
}
