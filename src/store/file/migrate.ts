/**
 * Formats of the journal. The first line carries `v`, and so does the first line that a newer rasen appends to an older
 * journal. Older lines are brought up to today's form when they are read (the file stays as it is); newer ones are
 * refused and left alone.
 */
import { RasenError } from '../../contract/errors.ts';
import { type Event, eventProblem, isEventType } from '../../contract/event.ts';
import { FORMAT } from '../../version.ts';
import type { Line } from './journal.ts';

export interface Formats {
  /** What is written. */
  current: number;
  /** From format v to v + 1, a line at a time. Every format before `current` has one. */
  migrations: Readonly<Record<number, (line: Line) => Line>>;
}

export const FORMATS: Formats = { current: FORMAT, migrations: {} };

/**
 * The events of lines in today's form, and the format that the last line was written in. `read` gives the event of a
 * line as it was written, with its artifacts. Throws `version` on what is newer.
 */
export function migrate(
  journal: { path: string; lines: readonly Line[]; after?: number },
  read: (line: Line) => Event,
  { current, migrations }: Formats = FORMATS,
): { events: Event[]; format: number } {
  const { path, lines, after = 0 } = journal;
  const events: Event[] = [];
  let format = 0;
  for (const { v, prev: _prev, ...written } of lines) {
    if (v !== undefined) format = v as number;
    if (!Number.isInteger(format) || format < 1) {
      throw new RasenError('damaged', `${path}: event ${written.seq} has no format version`);
    }
    if (format > current) throw newer(path, `format ${format}`, current);
    if (written.seq <= after) continue;
    let line = read(written as Line) as unknown as Line;
    for (let from = format; from < current; from++) line = migrations[from]!(line);
    if (!isEventType(line.type)) throw newer(path, `event ${line.seq} of type "${line.type}"`, current);
    // Its checksum fits, so it is what some rasen wrote.
    const problem = eventProblem(line.type, line);
    if (problem !== null) {
      throw newer(path, `event ${line.seq} of another form than ${line.type} has here (${problem})`, current);
    }
    events.push(line as unknown as Event);
  }
  return { events, format };
}

/** What is there was written by a newer rasen. */
export function newer(path: string, what: string, current: number): RasenError {
  return new RasenError('version', `${path} has ${what}; this rasen writes format ${current}`, {
    hint: 'It was written by a newer rasen. Start that version; this one leaves the task alone.',
  });
}
