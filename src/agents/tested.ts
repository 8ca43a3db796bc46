/**
 * The versions of each agent that the tests in test/agents run with, from the oldest to the newest, and how a program
 * shows that it starts without asking its model for anything. Each agent's own are in its login.ts.
 */
import type { AgentProgram } from '../contract/backends.ts';
import { PROGRAMS } from './programs.ts';

export interface Tested {
  oldest: string;
  newest: string;
  /** Arguments that load the program as a session does. Left out: it does so to say its version. */
  start?: readonly string[];
  /** Options that every session of it is given, where `start` names all that it knows. */
  needs?: readonly string[];
}

export const testedOf = (name: AgentProgram): Tested => PROGRAMS[name].tested;

export type Standing = 'tested' | 'older' | 'newer';

/** Versions between two that were tested count as tested. */
export function standingOf(name: AgentProgram, version: string): Standing {
  const { oldest, newest } = testedOf(name);
  if (compareVersions(version, oldest) < 0) return 'older';
  return compareVersions(version, newest) > 0 ? 'newer' : 'tested';
}

/** `tested: 2.1.251 to 2.1.332`, and on which side of that it is. */
export function testedText(name: AgentProgram, version: string): string {
  const { oldest, newest } = testedOf(name);
  const standing = standingOf(name, version);
  return `${standing === 'tested' ? 'tested' : `${standing} than tested`}: ${oldest} to ${newest}`;
}

/** By their numbers alone: less than 0, 0, more than 0. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [one, other].map(version => version.split(/[.-]/).slice(0, 3).map(Number));
  for (const [i, number] of b!.entries()) if (a![i] !== number) return (a![i] ?? Number.NaN) - number;
  return 0;
}
