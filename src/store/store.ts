/**
 * The store: tasks as journals on disk. Used by the registry alone, through submit, load, list, append, snapshot and
 * remove; another driver (a database, many machines) can stand behind the same operations.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { errnoOf, messageOf, RasenError } from '../errors.ts';
import type { Event } from '../task/event.ts';
import { foldAll } from '../task/fold.ts';
import type { TaskState } from '../task/state.ts';
import { encodeEvents, fromLine } from './artifact.ts';
import { assess, type Damage } from './damage.ts';
import { writeDocument } from './document.ts';
import { encodeEnv, readEnv } from './env.ts';
import { storageError, syncFolder, syncFoldersUpTo, writeDurable } from './file.ts';
import { appendJournal, parseJournal, type Tail } from './journal.ts';
import { ENV_FILE, JOURNAL_FILE, type TaskFiles, taskFiles } from './layout.ts';
import { FORMATS, type Formats, migrate } from './migrate.ts';
import { Quarantine } from './quarantine.ts';
import { foldJournal, newestSnapshot, readAcknowledged, readTask } from './reading.ts';
import { encodeSnapshot } from './snapshot.ts';

export type { Damage } from './damage.ts';

const STAGED = '.new-';

export interface Loaded {
  state: TaskState;
  /** End of the sound part of the journal. */
  bytes: number;
}

export class Store {
  readonly tasks: string;
  readonly quarantine: Quarantine;
  readonly damage: Damage[] = [];
  readonly #formats: Formats;
  /** Acknowledged end of every journal that was read or written. What may stand behind it is nobody's. */
  readonly #tails = new Map<string, Tail>();
  readonly #appending = new Set<string>();

  constructor(paths: { home: string; tasks: string; quarantine: string }, formats: Formats = FORMATS) {
    this.tasks = paths.tasks;
    this.quarantine = new Quarantine(paths.quarantine);
    this.#formats = formats;
    try {
      const first = mkdirSync(this.tasks, { recursive: true, mode: 0o700 });
      syncFoldersUpTo(this.tasks, first && first.length < paths.home.length ? first : paths.home);
      this.#removeStaged();
    } catch (error) {
      throw storageError(this.tasks, error);
    }
  }

  files(id: string): TaskFiles {
    return taskFiles(this.tasks, id);
  }

  has(id: string): boolean {
    return existsSync(this.files(id).journal);
  }

  /** Ids of all tasks, oldest first (an id begins with its time). */
  list(): string[] {
    return readdirSync(this.tasks)
      .filter(name => !name.startsWith('.'))
      .sort();
  }

  /** A new task, all or nothing: made aside, synced, then renamed into place. Durable when it returns. */
  submit(id: string, events: Event[], env: Record<string, string>): Loaded {
    const { folder } = this.files(id);
    if (existsSync(folder)) {
      throw new RasenError('task_exists', `${folder} is there already`, { hint: 'See `rasen doctor`.' });
    }
    const state = foldAll(events);
    const staged = join(this.tasks, `${STAGED}${id}`);
    let placed = false;
    try {
      rmSync(staged, { recursive: true, force: true });
      mkdirSync(staged, { mode: 0o700 });
      writeDurable(join(staged, ENV_FILE), encodeEnv(env));
      const into = { folder: staged, displaced: () => {} };
      const { text } = encodeEvents(into, events, this.#formats.current);
      writeDurable(join(staged, JOURNAL_FILE), text);
      syncFolder(staged);
      renameSync(staged, folder);
      placed = true;
      syncFolder(this.tasks);
      const bytes = Buffer.byteLength(text);
      this.#tails.set(id, { bytes, crc: crc32(text), format: this.#formats.current });
      return { state, bytes };
    } catch (error) {
      discard(placed ? folder : staged, staged);
      throw storageError(folder, error);
    }
  }

  /** State of a task from its journal, or null when it cannot be used: then it is in `damage`, and the rest goes on. */
  load(id: string): Loaded | null {
    const files = this.files(id);
    try {
      const known = this.#tails.get(id)?.bytes;
      const { state, tail, torn, unreadable } = readTask(id, files, known, this.#formats);
      this.#tails.set(id, tail);
      if (torn.length > 0) this.#cut(id, files, tail.bytes, torn);
      for (const path of unreadable) this.#moveSnapshot(id, files, path);
      return { state, bytes: tail.bytes };
    } catch (error) {
      const found = assess(id, error, () => this.quarantine.move(files.folder, id));
      const before = this.damage.findIndex(damage => damage.task === id);
      this.damage.splice(before < 0 ? this.damage.length : before, 1, found);
      this.#tails.delete(id);
      return null;
    }
  }

  /** Everything that is wrong with the files of a task, read again from the disk; changes nothing. */
  check(id: string): string[] {
    const files = this.files(id);
    const problems: string[] = [];
    const look = (work: () => void) => {
      try {
        work();
      } catch (error) {
        problems.push(messageOf(error));
      }
    };
    look(() => {
      const { snapshot, unreadable } = newestSnapshot(files, this.#formats);
      problems.push(...unreadable.map(path => `${path} is not what was written`));
      foldJournal(files, this.#journal(id, files), this.#formats, snapshot?.state.seq ?? 0);
    });
    look(() => readEnv(files.env));
    return problems;
  }

  /** Every acknowledged event of a task, in order. Throws `damaged` or `version`, never gives a part. */
  events(id: string, afterSeq = 0): Event[] {
    const files = this.files(id);
    const { lines, damage } = parseJournal(this.#journal(id, files));
    if (damage)
      throw new RasenError('damaged', `${files.journal}: ${damage}`, { hint: 'See `rasen doctor`.' });
    const journal = { path: files.journal, lines, after: afterSeq };
    return migrate(journal, line => fromLine(files.folder, line), this.#formats).events;
  }

  /** Appends events that follow `at`; resolves with the new end when they are on disk. One at a time per task. */
  async append(id: string, at: number, events: Event[]): Promise<number> {
    const { folder, journal } = this.files(id);
    const tail = this.#tailOf(id);
    if (this.#appending.has(id)) throw new Error(`two appends at once to task ${id}`);
    if (tail.bytes !== at)
      throw new Error(`task ${id}: append at ${at}, and its journal ends at ${tail.bytes}`);
    this.#appending.add(id);
    try {
      const format = this.#formats.current;
      const into = { folder, displaced: (path: string) => this.quarantine.move(path, `${id}.artifact`) };
      const { text, artifacts } = encodeEvents(into, events, tail.format < format ? format : null);
      if (artifacts) syncFolder(folder);
      const bytes = await appendJournal(journal, at, text, rest => this.quarantine.keep(rest, `${id}.torn`));
      this.#tails.set(id, { bytes, crc: crc32(text, tail.crc), format });
      return bytes;
    } catch (error) {
      throw storageError(journal, error);
    } finally {
      this.#appending.delete(id);
    }
  }

  /** Writes the state as of the end of the journal; the generation before is kept. */
  async snapshot(id: string, loaded: Loaded): Promise<void> {
    const tail = this.#tailOf(id);
    if (tail.bytes !== loaded.bytes)
      throw new Error(`task ${id}: snapshot of ${loaded.bytes} bytes of ${tail.bytes}`);
    const text = encodeSnapshot(this.#formats.current, loaded.state, tail);
    await writeDocument(this.files(id).snapshot, text, { keepPrevious: true });
  }

  /** What was captured at submit. Throws `damaged`. */
  env(id: string): Record<string, string> {
    return readEnv(this.files(id).env);
  }

  /** Removes a task for good (gc). What a crash leaves of it goes at the next start. */
  remove(id: string): void {
    const { folder } = this.files(id);
    try {
      const gone = join(this.tasks, `${STAGED}gone-${id}`);
      rmSync(gone, { recursive: true, force: true });
      renameSync(folder, gone);
      syncFolder(this.tasks);
      rmSync(gone, { recursive: true, force: true });
    } catch (error) {
      throw storageError(folder, error);
    }
    this.#tails.delete(id);
  }

  #tailOf(id: string): Tail {
    const known = this.#tails.get(id) ?? (this.load(id) && this.#tails.get(id));
    if (known) return known;
    throw new RasenError(
      'damaged',
      this.damage.find(damage => damage.task === id)?.message ?? `task ${id} is gone`,
    );
  }

  #journal(id: string, { journal }: TaskFiles): Buffer {
    try {
      return readAcknowledged(journal, this.#tails.get(id)?.bytes);
    } catch (error) {
      if (error instanceof RasenError || errnoOf(error) === undefined) throw error;
      throw new RasenError('damaged', `${journal} cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Keeps what was torn off and cuts it. Where that fails (disk full) it stays, and the next append does it. */
  #cut(id: string, { journal }: TaskFiles, bytes: number, torn: Buffer): void {
    try {
      this.quarantine.keep(torn, `${id}.torn`);
      truncateSync(journal, bytes);
    } catch {
      // Nobody reads beyond the acknowledged end.
    }
  }

  #moveSnapshot(id: string, { snapshot }: TaskFiles, path: string): void {
    try {
      this.quarantine.move(path, path === snapshot ? `${id}.task.json` : `${id}.task.json.prev`);
    } catch {
      // It stays under its name, is not used, and `check` names it.
    }
  }

  #removeStaged(): void {
    for (const name of readdirSync(this.tasks)) {
      if (name.startsWith(STAGED)) discard(join(this.tasks, name));
    }
  }
}

/** Removes what nobody was told of; `hidden` is the name that every start removes, should it fail half-way. */
function discard(path: string, hidden: string = path): void {
  try {
    if (path !== hidden) renameSync(path, hidden);
    rmSync(hidden, { recursive: true, force: true });
  } catch {
    // Nothing was acknowledged, and the error that led here is the one to tell.
  }
}
