/** The resource limits of a process, as `ulimit` sets them for all that a shell starts. */
import { readFileSync } from 'node:fs';

/** null: unlimited. Bytes, seconds of the processor, or a number of what the name says. */
export interface Rlimit {
  soft: number | null;
  hard: number | null;
}

/**
 * Name in /proc, option of ulimit and the unit of that. RSS is not among them: it limits nothing on Linux, and marks
 * attempts (mark.ts).
 */
const ROWS = {
  cpu: { proc: 'Max cpu time', option: 't', unit: 1 },
  fsize: { proc: 'Max file size', option: 'f', unit: 512 },
  data: { proc: 'Max data size', option: 'd', unit: 1024 },
  stack: { proc: 'Max stack size', option: 's', unit: 1024 },
  core: { proc: 'Max core file size', option: 'c', unit: 512 },
  memlock: { proc: 'Max locked memory', option: 'l', unit: 1024 },
  nproc: { proc: 'Max processes', option: 'u', unit: 1 },
  nofile: { proc: 'Max open files', option: 'n', unit: 1 },
  as: { proc: 'Max address space', option: 'v', unit: 1024 },
} as const;

export type RlimitName = keyof typeof ROWS;
export type Rlimits = Partial<Record<RlimitName, Rlimit>>;

const NAMES = Object.keys(ROWS) as RlimitName[];

/** Of this process. Empty where the system does not say. */
export function ownRlimits(): Rlimits {
  try {
    return process.platform === 'linux'
      ? rlimitsInProc(readFileSync('/proc/self/limits', 'latin1'))
      : rlimitsOfShell();
  } catch {
    return {};
  }
}

/** In the text of /proc/PID/limits. */
export function rlimitsInProc(text: string): Rlimits {
  const found: Rlimits = {};
  for (const name of NAMES) {
    const [, soft, hard] = new RegExp(`^${ROWS[name].proc} +(\\S+) +(\\S+)`, 'm').exec(text) ?? [];
    if (soft !== undefined && hard !== undefined) found[name] = { soft: value(soft), hard: value(hard) };
  }
  return found;
}

/** What a shell that we start says of its own, which are ours. */
function rlimitsOfShell(): Rlimits {
  const options = NAMES.map(name => ROWS[name].option).join(' ');
  const script = `for o in ${options}; do echo "$(ulimit -S -$o 2>/dev/null) $(ulimit -H -$o 2>/dev/null)"; done`;
  // Every command has this file in it, and few come here.
  const { execFileSync } = process.getBuiltinModule('node:child_process');
  const lines = execFileSync('/bin/sh', ['-c', script], {
    encoding: 'latin1',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const found: Rlimits = {};
  lines.split('\n').forEach((line, i) => {
    const [, soft, hard] = /^(\d+|unlimited) (\d+|unlimited)$/.exec(line) ?? [];
    const name = NAMES[i];
    if (soft === undefined || hard === undefined || name === undefined) return;
    const { unit } = ROWS[name];
    found[name] = { soft: value(soft, unit), hard: value(hard, unit) };
  });
  return found;
}

/** Never above the hard limits of `most`: those of whoever starts the command. */
export function atMost(wanted: Rlimits, most: Rlimits): Rlimits {
  const lower = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.min(a, b));
  const found: Rlimits = {};
  for (const name of NAMES) {
    const limit = wanted[name];
    const top = most[name]?.hard ?? null;
    if (limit) found[name] = { soft: lower(limit.soft, top), hard: lower(limit.hard, top) };
  }
  return found;
}

/** For runner.sh: `OPTION:SOFT:HARD`, in the units of ulimit, with a space between. */
export function ulimitWords(limits: Rlimits): string {
  const words = NAMES.flatMap(name => {
    const limit = limits[name];
    if (!limit) return [];
    const { option, unit } = ROWS[name];
    const text = (n: number | null) => (n === null ? 'unlimited' : String(Math.ceil(n / unit)));
    return [`${option}:${text(limit.soft)}:${text(limit.hard)}`];
  });
  return words.join(' ');
}

function value(text: string, unit = 1): number | null {
  const number = Number(text) * unit;
  return Number.isSafeInteger(number) ? number : null;
}
