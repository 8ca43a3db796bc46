/**
 * What a runner is told. Nothing of it is read from the folder of the attempt, which programs of the same user can write,
 * nor does it stand in an argument, which everybody can see. Pure.
 */
import { isAbsolute } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import type { AttemptSpec } from './attempt-dir.ts';
import type { RecordKey } from './record-key.ts';

/** `$0` of a runner: what it is, for people who look at processes and for those who look for it. */
export const RUNNER_NAME = 'runner.sh';

export interface RunnerOrder {
  dir: string;
  cage: 'group' | 'unit';
  spec: AttemptSpec;
  /** Physical; its folder has to be below. null: it may be anywhere. */
  root: string | null;
  /** Process that hears of its end; null: nobody does. */
  parent: number | null;
  key: RecordKey;
}

/** As one command of sh; see runner.sh. Throws `usage` for what no shell or no exec could take. */
export function runnerOrder({ dir, cage, spec, root, parent, key }: RunnerOrder): string {
  checkCommand(spec);
  const words = [
    ...[dir, cage, spec.nonce, String(parent ?? 0), key.secret],
    ...[spec.cwd, root ?? '', spec.umask, spec.stdin, spec.limits ?? '', ...spec.argv],
  ];
  return `set -- ${words.map(quote).join(' ')}\n`;
}

/** runner.sh without what is there for those who read it. */
export function runnerText(script: string): string {
  return script
    .split('\n')
    .filter(line => !/^\s*(#.*)?$/.test(line))
    .map(line => `${line}\n`)
    .join('');
}

/** Throws `usage` for what no shell or no exec could take. */
export function checkCommand({ argv, cwd, umask }: Pick<AttemptSpec, 'argv' | 'cwd' | 'umask'>): void {
  const [program] = argv;
  if (!program || program.startsWith('-')) {
    throw refusal(`"${program ?? ''}" is no program name`, 'Give a name that is on PATH, or a path.');
  }
  if (!isAbsolute(cwd)) throw refusal(`the folder "${cwd}" is not absolute`);
  if (!/^0?[0-7]{3}$/.test(umask)) throw refusal(`"${umask}" is no umask`, 'Write it as 022.');
  if ([cwd, ...argv].some(word => word.includes('\0'))) {
    throw refusal('an argument or the folder holds a NUL byte');
  }
}

/** Variables that a shell has for itself and lets nobody set. */
const SHELL_OWN = new Set([
  'OPTIND',
  'UID',
  'EUID',
  'PPID',
  'GROUPS',
  'BASHOPTS',
  'SHELLOPTS',
  'BASH_VERSINFO',
  '_',
]);

/** Variables as a shell reads them; names that no shell takes do not survive one anyway. */
export function exportLines(env: Record<string, string>): string {
  return Object.entries(env)
    .filter(([name]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !SHELL_OWN.has(name))
    .map(([name, value]) => `export ${name}=${quote(value)}\n`)
    .join('');
}

/** A word of sh. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function refusal(why: string, hint?: string): RasenError {
  return new RasenError('usage', `The command of the attempt cannot be run: ${why}.`, { hint });
}
