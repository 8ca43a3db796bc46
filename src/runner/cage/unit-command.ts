/** The words of systemd-run for an attempt's unit, and the text of the file that it is started from. Pure. */
import { RasenError } from '../../contract/errors.ts';
import type { ResourceLimits } from '../../contract/plan.ts';
import { bytesOfText } from '../../util/exact-text.ts';
import { exportLines, RUNNER_NAME } from '../order.ts';

/** What a unit is given between SIGTERM and SIGKILL when the manager stops it, in seconds. */
const STOP_GRACE_SECONDS = 30;

/** Name of the unit of an attempt, from its marker: task, subtask, number and nonce, all of them valid in a unit's name. */
export function unitName(marker: string): string {
  return `rasen-${marker.replaceAll('/', '-')}.service`;
}

/** Whether a unit has the name of the job with this nonce, which no other one has. */
export function isUnitOf(unit: string, nonce: string): boolean {
  return unit.startsWith('rasen-') && unit.endsWith(`-${nonce}.service`);
}

/** The task whose attempt has this control group, or one below it; null: it is no attempt's. */
export function taskOfUnit(cgroup: string): string | null {
  return /\/rasen-([0-9a-z]{26})-[^/]*\.service(?:\/|$)/.exec(cgroup)?.[1] ?? null;
}

export interface UnitWords {
  unit: string;
  description: string;
  dir: string;
  /** Absolute path of record-exit.sh: where it stays for as long as the unit lives. */
  record_script: string;
  /** Of startFile(). */
  start_file: string;
  bell: string;
  limits: ResourceLimits;
}

/** Everything behind `systemd-run --user`. */
export function unitWords(words: UnitWords): string[] {
  const { limits } = words;
  const properties = [
    'Type=exec',
    'KillMode=control-group',
    `TimeoutStopSec=${STOP_GRACE_SECONDS}`,
    // That one child (a compiler) was too large is for the command to see; when it gives up, the attempt ends.
    'OOMPolicy=continue',
    'StandardInput=null',
    // What the command prints goes to its file; what the shell says of it is not for the journal.
    'StandardOutput=null',
    'StandardError=null',
    `ExecStopPost=${['/bin/sh', words.record_script, words.dir, words.unit, words.bell].map(word).join(' ')}`,
    ...(limits.memory_max_bytes === null
      ? []
      : [`MemoryMax=${limits.memory_max_bytes}`, 'MemorySwapMax=0', 'MemoryAccounting=yes']),
    ...(limits.cpu_max_percent === null ? [] : [`CPUQuota=${limits.cpu_max_percent}%`]),
    ...(limits.tasks_max === null ? [] : [`TasksMax=${limits.tasks_max}`]),
    ...(limits.runtime_max_seconds === null ? [] : [`RuntimeMaxSec=${limits.runtime_max_seconds}`]),
  ];
  return [
    '--quiet',
    '--no-block',
    `--unit=${words.unit}`,
    '--slice=rasen.slice',
    `--description=${words.description}`,
    ...properties.flatMap(property => ['-p', property]),
    ...['/usr/bin/env', '-i', '/bin/sh', '-c', START, RUNNER_NAME, words.start_file, words.dir].map(dollars),
  ];
}

/**
 * What a unit's shell does first. The file is removed before it is read: what is in it may change PATH, or be more than a
 * program can be started with. (The folder is named for those who look at processes.)
 */
const START = 'exec 3<"$1" || exit; rm -f "$1"; . /dev/fd/3';

/** Quoted for a property that holds a command line; the manager expands $ there, and nothing else on this way. */
function word(text: string): string {
  return `"${dollars(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function dollars(text: string): string {
  return text.replaceAll('$', '$$$$');
}

/** The longest variable that the kernel hands to a program (MAX_ARG_STRLEN with the NUL), in bytes. */
const VARIABLE_BYTES_MAX = 128 * 1024 - 1;

/**
 * All that a unit is started with, as a shell reads it: what systemd-run is given can be seen by everybody. First the
 * environment (names that no shell takes do not survive a shell anyway), then the order of the runner and the runner itself.
 * Throws `spawn` for what no program could be started with.
 */
export function startFile(env: Record<string, string>, runner: string): string {
  const long = Object.keys(env).find(name => bytesOfText(`${name}=${env[name]}`).length > VARIABLE_BYTES_MAX);
  if (long !== undefined) {
    throw new RasenError('spawn', `The variable ${long} is longer than a program may be given (128 KiB).`, {
      hint: 'Make the environment of the task smaller.',
    });
  }
  return `exec 3<&-\n${exportLines(env)}${runner}`;
}

/** What `systemctl show` says of the end of a unit's main process, by the names of its properties. */
export const LAST_WORD = ['LoadState', 'ActiveState', 'ExecMainCode', 'ExecMainStatus'] as const;

/** null: the manager does not know the unit. 'ending': it has not said its last word yet. */
export function lastWordIn(shown: string): { failed: boolean; code: number | null } | 'ending' | null {
  const [load, active, how, status] = LAST_WORD.map(
    name => new RegExp(`^${name}=(.*)$`, 'm').exec(shown)?.[1],
  );
  if (load !== 'loaded') return null;
  if (active === 'active' || active === 'deactivating') return 'ending';
  const failed = active === 'failed';
  // There was no main process, and it may come yet.
  if ((how === undefined || how === '0') && !failed) return null;
  // CLD_EXITED of waitid(2).
  return { failed, code: how === '1' ? Number(status) : null };
}

/** What a failed systemd-run means. */
export type RunFailure = 'exists' | 'away' | 'refused';

/** Texts of systemd 252 to 257. */
export function runFailure(stderr: string): RunFailure {
  if (/was already loaded|already exists|has a fragment file/.test(stderr)) return 'exists';
  const away =
    /is destructive|Failed to connect|No medium found|Connection (refused|reset|timed out)|Transport endpoint|Disconnected|has not been booted|Broken pipe|timed out/i;
  return away.test(stderr) ? 'away' : 'refused';
}
