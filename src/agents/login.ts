/**
 * Whether an agent is logged in, as its own login.ts tells it without the network and without reading a secret. What is
 * said is where a login is (a variable by name, a file by path), never anything of it.
 */
import type { Asked } from './installed.ts';
import type { Tested } from './tested.ts';

export type Login =
  /** `by`: what it logs in with. */
  | { state: 'in'; by: string }
  /** `fix`: the command to type. */
  | { state: 'out'; fix: string }
  | { state: 'unknown'; why: string };

export type CheckLogin = (asked: Asked) => Promise<Login>;

/** What is known of a program before it is started. */
export interface ProgramFacts {
  checkLogin: CheckLogin;
  tested: Tested;
  /** How it is started where it also speaks the Agent Client Protocol. */
  over_acp?: string;
}

export const firstSet = ({ env }: Asked, ...names: string[]): string | null =>
  names.find(name => env[name]) ?? null;

/** Of what an agent prints about itself only a plain word is taken, so that nothing secret can come along. */
export function wordAfter(text: string, key: string): string | null {
  return new RegExp(`"${key}":\\s*"([a-z][a-z_]{0,30})"`).exec(text)?.[1] ?? null;
}

export function isAtLeast(version: string | null, least: readonly number[]): boolean {
  const parts = (version ?? '').split(/[.-]/).map(Number);
  for (const [i, number] of least.entries())
    if (parts[i] !== number) return (parts[i] ?? Number.NaN) > number;
  return true;
}
