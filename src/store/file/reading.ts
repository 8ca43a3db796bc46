/** Reads a task from its files: the snapshot where it fits the journal to the byte, else a fold. Changes nothing. */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { RasenError } from '../../contract/errors.ts';
import type { Event } from '../../contract/event.ts';
import { foldAll } from '../../engine/fold.ts';
import type { TaskState } from '../../engine/state.ts';
import { fromLine } from './artifact.ts';
import type { Head } from './heads.ts';
import { decodeJournalLine, lastDigest, parseJournal, type Tail } from './journal.ts';
import { JOURNAL_FILE, previousOf, SNAPSHOT_FILE } from './layout.ts';
import { type Formats, migrate, newer } from './migrate.ts';
import { readSnapshot, type Snapshot } from './snapshot.ts';
import type { TaskSource } from './source.ts';

const NEWLINE = 10;

export interface TaskReading {
  state: TaskState;
  /** Of its last claim; empty: it has none. */
  nonce: string;
  tail: Tail;
  /** What stands behind the sound part, unfinished. */
  torn: Buffer;
  /** Names of snapshots that are there and are not what was written. */
  unreadable: string[];
}

/** What is known of a journal apart from it: to be met exactly, or at least. */
export interface Known {
  /** Acknowledged by this process; what stands behind it is nobody's. */
  exact?: Head | null | undefined;
  /** Written down by some supervisor, which may have acknowledged more since. */
  least?: Head | null | undefined;
}

/** Throws `damaged`, `version`, or the error of the system. */
export function readTask(id: string, files: TaskSource, known: Known, formats: Formats): TaskReading {
  const journal = readAcknowledged(files, known, formats);
  const { snapshot, unreadable } = newestSnapshot(files, formats);
  const crc = crc32(journal);
  const fits = snapshot?.journal_bytes === journal.length && snapshot.journal_crc === crc;
  const reading = fits
    ? {
        state: snapshot.state,
        tail: { bytes: journal.length, crc, format: snapshot.journal_format, last: lastDigest(journal) },
        torn: Buffer.alloc(0),
      }
    : foldJournal(files, journal, formats, snapshot?.state.seq ?? 0);
  // A copy of a task's folder under another name would be the same task twice.
  if (reading.state.id !== id) {
    throw new RasenError('damaged', `${files.folder} holds task ${reading.state.id}`);
  }
  return { ...reading, nonce: lastNonce(journal.subarray(0, reading.tail.bytes)), unreadable };
}

/** What marks a claim; in a text of an event its quotes would be escaped. */
const CLAIMED = Buffer.from('"type":"task_claimed"');

export function lastNonce(journal: Buffer): string {
  const at = journal.lastIndexOf(CLAIMED);
  if (at < 0) return '';
  const from = journal.lastIndexOf(NEWLINE, at) + 1;
  const line = decodeJournalLine(journal.subarray(from, journal.indexOf(NEWLINE, at)));
  return String(line?.incarnation ?? '');
}

/** The journal up to its acknowledged end. Throws `damaged` when it is shorter, or not what was acknowledged. */
export function readAcknowledged(files: TaskSource, { exact, least }: Known, formats: Formats): Buffer {
  const journal = files.read(JOURNAL_FILE);
  const path = join(files.folder, JOURNAL_FILE);
  const head = exact ?? least;
  if (!head) return journal;
  if (journal.length < head.bytes)
    throw unfit(
      path,
      journal,
      formats,
      `${path} has ${journal.length} bytes, and ${head.bytes} were acknowledged`,
    );
  if (crc32(journal.subarray(0, head.bytes)) !== head.crc) {
    const what = parseJournal(journal).damage ?? 'it is another one than was acknowledged';
    throw unfit(path, journal, formats, `${path}: ${what}`);
  }
  return exact ? journal.subarray(0, exact.bytes) : journal;
}

/** `damaged`; but a newer rasen, which may write otherwise, has the last word on what it wrote. */
function unfit(path: string, journal: Buffer, formats: Formats, message: string): RasenError {
  for (let at = 0, end = 0; at < journal.length && end >= 0; at = end + 1) {
    end = journal.indexOf(NEWLINE, at);
    const v = end < 0 ? undefined : decodeJournalLine(journal.subarray(at, end))?.v;
    if (typeof v === 'number' && v > formats.current) return newer(path, `format ${v}`, formats.current);
  }
  return new RasenError('damaged', message);
}

/** The last generation that can be read, and those that are there and cannot. */
export function newestSnapshot(
  files: TaskSource,
  formats: Formats,
): { snapshot: Snapshot | null; unreadable: string[] } {
  const unreadable: string[] = [];
  for (const name of [SNAPSHOT_FILE, previousOf(SNAPSHOT_FILE)]) {
    const snapshot = readSnapshot(files, name, formats.current);
    if (snapshot === 'unreadable') unreadable.push(name);
    else if (snapshot) return { snapshot, unreadable };
  }
  return { snapshot: null, unreadable };
}

/** `seen`: number of an event that is known to have been durable. */
export function foldJournal(
  files: TaskSource,
  journal: Buffer,
  formats: Formats,
  seen: number,
): Omit<TaskReading, 'unreadable' | 'nonce'> {
  const path = join(files.folder, JOURNAL_FILE);
  const { lines: written, bytes, torn, damage } = parseJournal(journal);
  if (damage) throw unfit(path, journal, formats, `${path}: ${damage}`);
  if (written.length === 0) throw new RasenError('damaged', `${path} holds no event`);
  if (written.length < seen) {
    // Events are lost that somebody was told of; going on without them would do finished work again.
    throw new RasenError(
      'damaged',
      `${path} ends with event ${written.length}, and event ${seen} was acknowledged`,
    );
  }
  const { events, format } = migrate({ path, lines: written }, line => fromLine(files, line), formats);
  const sound = journal.subarray(0, bytes);
  const tail = { bytes, crc: crc32(sound), format, last: lastDigest(sound) };
  return { state: foldAll(events), tail, torn };
}

/** Events after a number of a whole journal, in order. Throws `damaged` or `version`, never gives a part. */
export function eventsOf(files: TaskSource, journal: Buffer, formats: Formats, after: number): Event[] {
  const path = join(files.folder, JOURNAL_FILE);
  const { lines, damage } = parseJournal(journal);
  if (damage) throw new RasenError('damaged', `${path}: ${damage}`, { hint: 'See `rasen doctor`.' });
  return migrate({ path, lines, after }, line => fromLine(files, line), formats).events;
}
