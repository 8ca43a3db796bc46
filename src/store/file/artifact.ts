/**
 * Spec and plans are too big for a line of the journal, and so may be any event. They are files of their own, written
 * and synced before the line that names them, which carries their sha256. Reading checks it: a touched plan is damage.
 */
import { basename, join } from 'node:path';
import { errnoOf, messageOf, RasenError } from '../../contract/errors.ts';
import type { Event } from '../../contract/event.ts';
import { sha256 } from '../../util/sha256.ts';
import { readWhole, writeDurable } from './file.ts';
import { digestOf, encodeJournalLine, type Line, tryEncodeLine } from './journal.ts';
import { eventFile, planFile, SPEC_FILE } from './layout.ts';
import type { TaskSource } from './source.ts';

interface Reference {
  file: string;
  sha256: string;
}

/** Where artifacts are written; `displaced` takes away another file that has the name. */
export interface ArtifactFolder {
  folder: string;
  displaced: (path: string) => void;
}

/** Writes the artifacts of an event into the task's folder and gives the line that refers to them. */
function toLine(into: ArtifactFolder, event: Event): Line {
  if (event.type === 'task_submitted') return { ...event, spec: store(into, SPEC_FILE, event.spec) };
  if (event.type === 'plan_frozen') return { ...event, plan: store(into, planFile(event.rev), event.plan) };
  return event as Event & Line;
}

/** The line of an event that is too long for one: only its stamp and type, and all of it beside the journal. */
function toShortLine(into: ArtifactFolder, event: Event): Line {
  const { seq, t, mono, epoch, type } = event;
  return { seq, t, mono, epoch, type, artifact: store(into, eventFile(seq), event) };
}

/** The event of a line, with its artifacts read back. Throws `damaged`, or the error of the system. */
export function fromLine(files: TaskSource, line: Line): Event {
  if (line.artifact) return load(files, line.artifact) as Event;
  if (line.type === 'task_submitted') return { ...line, spec: load(files, line.spec) } as unknown as Event;
  if (line.type === 'plan_frozen') return { ...line, plan: load(files, line.plan) } as unknown as Event;
  return line as unknown as Event;
}

/**
 * Lines of events, each with the digest of the one before; `last`: that of the line before the first, null where there
 * is none. `format` is said on the first of them, where the line before is of another. `artifacts`: files were made for
 * them, whose names are the caller's to sync.
 */
export function encodeEvents(
  into: ArtifactFolder,
  events: readonly Event[],
  format: number | null,
  last: string | null = null,
): { text: string; artifacts: boolean; last: string } {
  let artifacts = false;
  let prev = last;
  const lines = events.map((event, i) => {
    const mark = format !== null && i === 0 ? { v: format } : {};
    const chain = prev === null ? {} : { prev };
    const line: Line = { ...mark, ...toLine(into, event), ...chain };
    const long = tryEncodeLine(line);
    artifacts ||= long === null || line.type === 'task_submitted' || line.type === 'plan_frozen';
    const text = long ?? encodeJournalLine({ ...mark, ...toShortLine(into, event), ...chain });
    prev = digestOf(text.slice(0, -1));
    return text;
  });
  return { text: lines.join(''), artifacts, last: prev ?? '' };
}

function store({ folder, displaced }: ArtifactFolder, file: string, value: unknown): Reference {
  const text = `${JSON.stringify(value, null, 1)}\n`;
  const path = join(folder, file);
  const reference = { file, sha256: sha256(text) };
  const there = hashOf(path);
  // Left by an append that failed, which may not have synced it; or of an event that is lost: then it may be dear.
  if (there !== null && there !== reference.sha256) displaced(path);
  writeDurable(path, text);
  return reference;
}

function hashOf(path: string): string | null {
  try {
    return sha256(readWhole(path));
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? null : '';
  }
}

function load(files: TaskSource, value: unknown): unknown {
  const { file, sha256: expected } = value as Reference;
  const name = basename(file);
  const path = join(files.folder, name);
  let text: Buffer;
  try {
    text = files.read(name);
  } catch (error) {
    throw new RasenError('damaged', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  if (sha256(text) !== expected)
    throw new RasenError('damaged', `${path} is not what the journal says it was`);
  return JSON.parse(text.toString('utf8'));
}
