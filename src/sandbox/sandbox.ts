/**
 * A sandbox: how a program is started so that it reaches no more than it was given. What holds it is the system's
 * (bubblewrap.ts, seatbelt.ts); that what was made can be opened at all is seen in look.ts.
 */
import type { SandboxSpec } from '../contract/sandbox.ts';
import { SOCKETS } from './home.ts';
import type { Rule } from './rules.ts';

export interface Inside {
  rules: readonly Rule[];
  network: SandboxSpec['network'];
  /** Folder for temporary files, as it is called inside and outside. */
  tmp: string;
  outer_tmp: string;
  /** Variables that its program has, and whoever makes the sandbox has not: see LOADS. */
  env: Readonly<Record<string, string>>;
}

/**
 * Variables by which programs load what they name, perhaps from the folder where they are started, which an agent writes:
 * nobody outside of a sandbox is given them.
 */
export const LOADS = /^(?:LD_|DYLD_|NODE_OPTIONS$|NODE_PATH$|GCONV_PATH$|BASH_ENV$|ENV$|PERL5OPT$|PERL5LIB$)/;

export interface Sandbox {
  kind: 'bubblewrap' | 'seatbelt';
  /** In words for people: what it is, and what it lacks on this machine. */
  why: string;
  /** Temporary files are in /tmp, which is nobody else's. */
  own_tmp: boolean;
  /** Hosts can be allowed one by one. */
  filters: boolean;
  /** Files that have to be there inside. */
  programs: readonly string[];
  /** Another one can be made in it. */
  nests: boolean;
  wrap(inside: Inside, argv: readonly string[]): string[];
}

/** None: why, in words for people. */
export type SandboxChoice = { sandbox: Sandbox; why: string } | { sandbox: null; why: string; fix: string };

/** Says to programs of rasen that the supervisor is out of their reach on purpose. */
const SANDBOXED = 'RASEN_SANDBOXED';

/** So that a program which is not there has the exit code that a shell gives it. */
export const PROGRAM = ['/bin/sh', '-c', 'exec "$0" "$@"'] as const;

/** What is other in its environment. */
export function variablesOf({ tmp, env }: Pick<Inside, 'tmp' | 'env'>): {
  set: Record<string, string>;
  unset: readonly string[];
} {
  return { set: { ...env, [SANDBOXED]: '1', TMPDIR: tmp }, unset: SOCKETS };
}
