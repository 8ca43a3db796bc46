/** Which mark the processes of a task carry (mark.ts). Apart from it, so that a client needs no hashes to look for one. */
import { createHash } from 'node:crypto';
import { BASE } from './mark.ts';

/** Hex digits of the hash of a task's id: 40 bits. */
const DIGITS = 10;

/** For `ulimit -m`. */
export function markFor(task: string): string {
  return String(BASE + BigInt(`0x${createHash('sha256').update(task).digest('hex').slice(0, DIGITS)}`));
}
