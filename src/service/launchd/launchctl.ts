/**
 * launchctl: running it, reading what it prints, and saying what its numbers mean. A job is named by its domain and
 * label: `gui/501/dev.rasen.rasend`. Used by launchd.ts.
 */
import { RasenError } from '../../contract/errors.ts';
import { type Ran, runProgram } from '../run.ts';

/** Runs launchctl with arguments. Throws `service` only when it cannot be run or does not end. */
export type Launchctl = (...args: string[]) => Promise<Ran & { code: number }>;

/** bootout waits until the job has ended. */
const TIMEOUT_MS = 60_000;

export function launchctlAt(program: string): Launchctl {
  return async (...args) => {
    const { code, ...said } = await runProgram([program, ...args], { timeout_ms: TIMEOUT_MS });
    if (code !== null) return { code, ...said };
    throw new RasenError('service', `${program} ${args.join(' ')} could not be run: ${said.stderr.trim()}.`, {
      hint: 'It is a part of macOS; nothing else can load services.',
    });
  };
}

/** A loaded job, as `launchctl print TARGET` has it. */
export interface Loaded {
  /** In launchd's words: `running`, `spawn scheduled`, `not running`. */
  state: string;
  pid: number | null;
  /** Of the last run; null: none has ended yet. */
  last_exit: string | null;
  /** How often it was started; null: launchd does not tell. */
  runs: number | null;
}

/**
 * Reads the answer of `launchctl print TARGET`. Its form is no interface (the manual says so): only whole lines directly
 * inside of the outermost braces count, since inner blocks have a `state` of their own, and what is not there is null.
 */
export function parsePrint(text: string): Loaded {
  const value = (key: string) => new RegExp(`^\\t${key} = (.*)$`, 'm').exec(text)?.[1]?.trim() ?? null;
  const pid = Number(value('pid'));
  const exit = value('last exit code');
  const runs = value('runs');
  return {
    state: value('state') ?? 'unknown',
    pid: Number.isSafeInteger(pid) && pid > 0 ? pid : null,
    last_exit: exit === null || exit === '(never exited)' ? null : exit,
    runs: runs === null || !/^\d+$/.test(runs) ? null : Number(runs),
  };
}

/** It has ended by itself with an error, and waits for its next try, which launchd puts off (ThrottleInterval). */
export const hasFailed = ({ pid, last_exit }: Loaded): boolean =>
  pid === null && last_exit !== null && !/^0\b/.test(last_exit);

/** Whether `launchctl print-disabled DOMAIN` says so; older systems write `true`. */
export function parseDisabled(text: string, label: string): boolean {
  const line = text.split('\n').find(l => l.includes(`"${label}"`));
  return line !== undefined && /=>\s*(disabled|true)\b/.test(line);
}

/** Exit codes of launchctl: errnos, and above 100 kinds of its own. */
export const CODE = {
  not_permitted: 1,
  no_such_process: 3,
  io: 5,
  exists: 17,
  in_progress: 36,
  already: 37,
  no_service: 113,
  no_domain: 125,
} as const;

/** RasenError `service`: what a failed verb means and what to look at. */
export function explained(
  verb: string,
  ran: Ran & { code: number },
  { target, plist }: { target: string; plist: string },
): RasenError {
  const said = (ran.stderr.trim() || ran.stdout.trim()).split('\n')[0] || `exit status ${ran.code}`;
  const domain = target.slice(0, target.lastIndexOf('/'));
  const why: Record<number, string> = {
    [CODE.io]: [
      'launchd says this for several things. Look at, in this order:',
      `launchctl print ${target}   (loaded already?)`,
      `plutil -lint ${plist}   (can it be read?)`,
      `ls -l ${plist}   (mode 0644; owner: you, or root for a daemon)`,
      `launchctl print-disabled ${domain}   (disabled?)`,
      `log show --last 5m --predicate 'process == "launchd"'   (its own words)`,
    ].join('\n  '),
    [CODE.exists]: `A job of this name is loaded already: launchctl print ${target}.`,
    [CODE.already]: `launchd is still busy with it: launchctl print ${target}; try again in a moment.`,
    [CODE.no_domain]:
      'There is no such domain in this session: over ssh without a desktop login macOS may have none. Log in at the desk, or install for boot with: sudo rasen service install --system USER.',
    [CODE.not_permitted]:
      'launchd did not allow it: a daemon needs sudo; on a managed Mac a policy may forbid it (System Settings, Login Items).',
  };
  return new RasenError('service', `launchctl ${verb} ${target} failed: ${said}.`, {
    hint: why[ran.code] ?? `Look at: launchctl print ${target}; launchctl error ${ran.code}.`,
    data: { code: ran.code, target, plist },
  });
}
