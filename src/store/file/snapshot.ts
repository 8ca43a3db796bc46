/**
 * Snapshots: the state of a task as of the end of its journal, sealed. Only a shortcut for a start with many tasks: one
 * is used when it was made of exactly the bytes that the journal has, so damage in the journal is seen all the same.
 */
import { errnoOf, isRasenError } from '../../contract/errors.ts';
import type { TaskState } from '../../engine/state.ts';
import { isPassing } from './damage.ts';
import type { Tail } from './journal.ts';
import { seal, unseal } from './seal.ts';
import type { TaskSource } from './source.ts';

/** Shape of TaskState; +1 with every change of it, and what older code made is folded again. */
export const STATE_FORMAT = 12;

export interface Snapshot {
  format: number;
  state_format: number;
  /** Format of the last line, size and CRC-32 of the journal that the state was made of. */
  journal_format: number;
  journal_bytes: number;
  journal_crc: number;
  state: TaskState;
}

export function encodeSnapshot(format: number, state: TaskState, tail: Omit<Tail, 'last'>): string {
  const snapshot: Snapshot = {
    format,
    state_format: STATE_FORMAT,
    journal_format: tail.format,
    journal_bytes: tail.bytes,
    journal_crc: tail.crc,
    state,
  };
  return `${seal(snapshot)}\n`;
}

/** null: there is none, or one of another version. 'unreadable': there is one, and it is not what was written. */
export function readSnapshot(
  files: TaskSource,
  name: string,
  format: number,
): Snapshot | 'unreadable' | null {
  let data: Buffer;
  try {
    data = files.read(name);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    if (isPassing(error) || (!isRasenError(error) && errnoOf(error) === undefined)) throw error;
    return 'unreadable';
  }
  const snapshot = data.at(-1) === 10 ? (unseal(data.subarray(0, -1)) as Snapshot | null) : null;
  if (!snapshot) return 'unreadable';
  return snapshot.format === format && snapshot.state_format === STATE_FORMAT ? snapshot : null;
}
