/** Reads a task from its folder: the snapshot where it fits the journal to the byte, else a fold. Changes nothing. */
import { crc32 } from 'node:zlib';
import { RasenError } from '../errors.ts';
import { foldAll } from '../task/fold.ts';
import type { TaskState } from '../task/state.ts';
import { fromLine } from './artifact.ts';
import { readWhole } from './file.ts';
import { parseJournal, type Tail } from './journal.ts';
import { previousOf, type TaskFiles } from './layout.ts';
import { type Formats, migrate } from './migrate.ts';
import { readSnapshot, type Snapshot } from './snapshot.ts';

export interface TaskReading {
  state: TaskState;
  tail: Tail;
  /** What stands behind the sound part, unfinished. */
  torn: Buffer;
  /** Snapshots that are there and are not what was written. */
  unreadable: string[];
}

/** `known`: acknowledged bytes, where that is known. Throws `damaged`, `version`, or the error of the system. */
export function readTask(
  id: string,
  files: TaskFiles,
  known: number | undefined,
  formats: Formats,
): TaskReading {
  const journal = readAcknowledged(files.journal, known);
  const { snapshot, unreadable } = newestSnapshot(files, formats);
  const crc = crc32(journal);
  const fits = snapshot?.journal_bytes === journal.length && snapshot.journal_crc === crc;
  const reading = fits
    ? {
        state: snapshot.state,
        tail: { bytes: journal.length, crc, format: snapshot.journal_format },
        torn: Buffer.alloc(0),
      }
    : foldJournal(files, journal, formats, snapshot?.state.seq ?? 0);
  // A copy of a task's folder under another name would be the same task twice.
  if (reading.state.id !== id) {
    throw new RasenError('damaged', `${files.folder} holds task ${reading.state.id}`);
  }
  return { ...reading, unreadable };
}

/** The journal up to its acknowledged end. Throws `damaged` when it is shorter. */
export function readAcknowledged(path: string, known: number | undefined): Buffer {
  const journal = readWhole(path);
  if (known === undefined || known <= journal.length) return journal.subarray(0, known);
  throw new RasenError('damaged', `${path} has ${journal.length} bytes, and ${known} were acknowledged`);
}

/** The last generation that can be read, and those that are there and cannot. */
export function newestSnapshot(
  files: TaskFiles,
  formats: Formats,
): { snapshot: Snapshot | null; unreadable: string[] } {
  const unreadable: string[] = [];
  for (const path of [files.snapshot, previousOf(files.snapshot)]) {
    const snapshot = readSnapshot(path, formats.current);
    if (snapshot === 'unreadable') unreadable.push(path);
    else if (snapshot) return { snapshot, unreadable };
  }
  return { snapshot: null, unreadable };
}

/** `seen`: number of an event that is known to have been durable. */
export function foldJournal(
  files: TaskFiles,
  journal: Buffer,
  formats: Formats,
  seen: number,
): Omit<TaskReading, 'unreadable'> {
  const { lines: written, bytes, torn, damage } = parseJournal(journal);
  if (damage) throw new RasenError('damaged', `${files.journal}: ${damage}`);
  if (written.length === 0) throw new RasenError('damaged', `${files.journal} holds no event`);
  if (written.length < seen) {
    // Events are lost that somebody was told of; going on without them would do finished work again.
    throw new RasenError(
      'damaged',
      `${files.journal} ends with event ${written.length}, and event ${seen} was acknowledged`,
    );
  }
  const journalled = { path: files.journal, lines: written };
  const { events, format } = migrate(journalled, line => fromLine(files.folder, line), formats);
  return { state: foldAll(events), tail: { bytes, crc: crc32(journal.subarray(0, bytes)), format }, torn };
}
