/** A task out of its pack, and a task into one. */
import { RasenError } from '../../contract/errors.ts';
import type { TaskState } from '../../engine/state.ts';
import type { StoredFile } from '../store.ts';
import { aboutOf, UNKNOWN } from './damage.ts';
import type { Tail } from './journal.ts';
import { JOURNAL_FILE, previousOf, SNAPSHOT_FILE } from './layout.ts';
import type { Formats } from './migrate.ts';
import { encodePack, Pack } from './pack.ts';
import { foldJournal, lastNonce, readAcknowledged, readTask } from './reading.ts';
import { encodeSnapshot, readSnapshot } from './snapshot.ts';
import { collect } from './task-folder.ts';

/** As `readTask`, of a pack: its checksums say already that the journal is the one that was packed. */
export function readPack(id: string, pack: Pack, known: Parameters<typeof readTask>[2], formats: Formats) {
  const { journal } = pack.header;
  const head = known.exact ?? known.least;
  if (pack.header.id !== id) throw new RasenError('damaged', `${pack.folder} holds task ${pack.header.id}`);
  if (head && (head.bytes !== journal.bytes || head.crc !== journal.crc))
    throw new RasenError('damaged', `${pack.folder} is of another time than what was acknowledged`);
  const snapshot = readSnapshot(pack, SNAPSHOT_FILE, formats.current);
  if (snapshot === null || snapshot === 'unreadable' || snapshot.journal_crc !== journal.crc)
    return readTask(id, pack, known, formats);
  return {
    state: snapshot.state,
    nonce: nonceIn(pack),
    tail: journal,
    torn: Buffer.alloc(0),
    unreadable: [],
  };
}

/** A journal that cannot be read is seen when somebody writes to it. */
function nonceIn(pack: Pack): string {
  try {
    return lastNonce(pack.read(JOURNAL_FILE));
  } catch {
    return '';
  }
}

export interface Packable {
  id: string;
  folder: string;
  /** Where it is going to be. */
  pack: string;
  state: TaskState;
  tail: Tail;
  brief: unknown;
}

/** The bytes of the pack of a task that is over, read back as a start would read them; or the reason why there are none. */
export async function packed(task: Packable, formats: Formats): Promise<Buffer | string> {
  const { id, folder, state, tail, brief } = task;
  const found = await collect(folder, new Set([SNAPSHOT_FILE, previousOf(SNAPSHOT_FILE)]));
  if (typeof found === 'string') return found;
  const snapshot = Buffer.from(encodeSnapshot(formats.current, state, tail));
  const files: StoredFile[] = [{ name: SNAPSHOT_FILE, data: snapshot }, ...found];
  const about = aboutOf({ ...state.spec }) ?? UNKNOWN;
  const data = await encodePack({ id, about, journal: tail, brief }, files);
  const made = new Pack(task.pack, data.length, (at, length) => data.subarray(at, at + length));
  if (files.some(({ name, data: was }) => !made.read(name).equals(was)))
    throw new Error(`task ${id}: its pack is not what was put in`);
  foldJournal(made, readAcknowledged(made, { exact: tail }, formats), formats, state.seq);
  return data;
}
