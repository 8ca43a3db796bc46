/**
 * What launchd is told about rasend: a LaunchAgent (mode `user`: starts when the user logs in) or a LaunchDaemon (mode
 * `system`: starts at boot, as the user). Pure functions of the request; launchd.ts installs what they say.
 */
import { join } from 'node:path';
import { MARK } from '../files.ts';
import { instanceEnvironment } from '../instance-environment.ts';
import type { ServiceFile, ServiceRequest } from '../service.ts';
import { type Plist, plistText, unescaped } from './plist.ts';

export const LABEL = 'dev.rasen.rasend';

/** Names of one installation. `root` is `/` but in tests. */
export interface Names {
  label: string;
  plist: string;
  /** Where launchd appends what rasend says before it has a log of its own. It never reopens these two. */
  out: string;
  err: string;
  /** Folder of `out` and `err`; must be there and be the user's before the job starts. */
  logs: string;
}

/** Where the system has the job of one user. `root` is `/` but in tests. */
export function daemonPath(user: string, root = '/'): string {
  return join(root, 'Library/LaunchDaemons', `${daemonLabel(user)}.plist`);
}

/** Where a user has a job of their own. */
export const agentPath = (home: string): string => join(home, 'Library/LaunchAgents', `${LABEL}.plist`);

/** The label that `brew services` gives to the job of our formula. */
export const HOMEBREWS_LABEL = 'homebrew.mxcl.rasen';

/** Where Homebrew writes its job: for a user, and for `sudo brew services`. */
export function homebrewPlists(
  { mode, user }: Pick<ServiceRequest, 'mode' | 'user'>,
  root: string,
): string[] {
  const agents = join(user.home, 'Library/LaunchAgents');
  const folder = mode === 'user' ? agents : join(root, 'Library/LaunchDaemons');
  return [join(folder, `${HOMEBREWS_LABEL}.plist`)];
}

const daemonLabel = (user: string): string => `${LABEL}.${user}`;

/** The program of a plist that `plistFile` made; null when there is none. */
export function programOf(text: string): string | null {
  const program = /<key>ProgramArguments<\/key>\s*<array>\s*<string>([^<]*)/.exec(text)?.[1];
  return program === undefined ? null : unescaped(program);
}

export function namesOf({ mode, user }: ServiceRequest, root: string): Names {
  const [label, plist, folder] =
    mode === 'user'
      ? [LABEL, agentPath(user.home), join(user.home, 'Library/Logs/rasen')]
      : [daemonLabel(user.name), daemonPath(user.name, root), join(root, 'Library/Logs/rasen', user.name)];
  return {
    label,
    plist,
    logs: folder,
    out: join(folder, 'rasend.out.log'),
    err: join(folder, 'rasend.err.log'),
  };
}

export function plistFile(request: ServiceRequest, root: string): ServiceFile {
  const start = request.mode === 'user' ? 'when the user logs in' : 'at boot';
  const about = `Written by "${MARK}" for ${request.user.name}. Starts rasend ${start}; see rasend(8).`;
  // Readable by all, as launchd wants it: so nothing secret may ever be in it.
  return { path: namesOf(request, root).plist, text: plistText(jobOf(request, root), about), mode: 0o644 };
}

/** The property list; the keys are those of launchd.plist(5). */
export function jobOf(request: ServiceRequest, root: string): Record<string, Plist> {
  const { mode, user, launcher, umask } = request;
  const { label, out, err } = namesOf(request, root);
  return {
    Label: label,
    ...(mode === 'system' ? { UserName: user.name } : {}),
    ProgramArguments: [launcher],
    RunAtLoad: true,
    // However it ended: `rasen service stop` unloads the job, so "always" cannot fight the user.
    KeepAlive: true,
    ThrottleInterval: 10,
    ExitTimeOut: 30,
    // Otherwise launchd kills what is left in the process group of rasend when rasend ends. Attempts have sessions of
    // their own and would be safe anyway; this holds for whatever has not.
    AbandonProcessGroup: true,
    // Every other type lets launchd throttle processor and disk, of rasend and of all tasks, which inherit it.
    ProcessType: 'Interactive',
    // Aqua: a desktop login. Background: the domain user/UID, all there is over ssh.
    ...(mode === 'user' ? { LimitLoadToSessionType: ['Aqua', 'Background'] } : {}),
    Umask: Number.parseInt(umask, 8),
    // launchd's default is 256. OPEN_MAX is the most that setrlimit(2) on macOS takes everywhere.
    SoftResourceLimits: { NumberOfFiles: 10_240 },
    EnvironmentVariables: environmentOf(request),
    StandardOutPath: out,
    StandardErrorPath: err,
  };
}

/** Settings only, never a secret: `launchctl print` shows them, and every user may read the file. */
export function environmentOf(request: ServiceRequest): Record<string, string> {
  const { mode, user, path } = request;
  return {
    // A daemon with UserName gets none of these from launchd; an agent gets them.
    ...(mode === 'system' ? { HOME: user.home, USER: user.name, LOGNAME: user.name } : {}),
    PATH: path,
    // Without it tools take their text for ASCII; this one is on every Mac.
    LANG: 'en_US.UTF-8',
    NODE_ENV: 'production',
    RASEN_SERVICE: mode,
    // macOS has no XDG_RUNTIME_DIR; this is where the socket is without one.
    ...instanceEnvironment(request, join(user.home, '.local/state/rasen/run')),
  };
}

/**
 * The text without what was captured when it was installed (PATH, umask): two texts that differ in these alone are of
 * the same version.
 */
export function withoutCaptured(text: string): string {
  return text
    .replace(/(<key>PATH<\/key>\s*<string>)[^<]*/, '$1')
    .replace(/(<key>Umask<\/key>\s*<integer>)[^<]*/, '$1');
}
