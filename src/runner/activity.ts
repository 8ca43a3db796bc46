/**
 * Whether the processes of attempts are doing anything although they print nothing: a sign of life that keeps a healthy
 * but silent session from being taken for a stalled one. Linux only; elsewhere silence is all there is to see.
 */
import { readFileSync } from 'node:fs';
import { findMembers, type MemberQuery } from './members.ts';

/** Processor time in clock ticks (10 ms each) of the tree of each attempt, by marker; null where it cannot be known. */
export function processorTicks(queries: readonly MemberQuery[]): Map<string, number | null> {
  if (process.platform !== 'linux') return new Map(queries.map(q => [q.marker, null]));
  const members = findMembers(queries);
  return new Map(
    [...members].map(([marker, list]) => [marker, list.reduce((sum, { pid }) => sum + ticksOf(pid), 0)]),
  );
}

/** User and system time of a process and of its children that ended. */
function ticksOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
  } catch {
    return 0;
  }
}
