/**
 * The store of one machine: tasks as journals on its disk. One supervisor at a time has it (rpc/lock.ts); claims say which
 * of two it is that still writes.
 *
 * How damage of a journal is found: each line has a checksum and names the line before; the length and checksum of what
 * was acknowledged are known apart from it (heads.ts, and the snapshot of a task that is over); while this process
 * lives it knows them by itself, and looks at each append whether somebody else has written. What cannot be found is a
 * forgery by a program of the same user that makes all of these fit while no supervisor runs: nothing that such a
 * program cannot also write is there to tell them apart.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { errnoOf, messageOf, RasenError } from '../../contract/errors.ts';
import type { Event } from '../../contract/event.ts';
import { isTerminal } from '../../contract/status.ts';
import { foldAll } from '../../engine/fold.ts';
import { sha256 } from '../../util/sha256.ts';
import {
  type About,
  assertClaims,
  assertSound,
  assertStands,
  type CapturedEnv,
  type Damage,
  HELD,
  type Loaded,
  type LocalStore,
  type Mended,
  type Standing,
  type StoredFile,
  standingAfter,
} from '../store.ts';
import { encodeEvents } from './artifact.ts';
import { Copies } from './copies.ts';
import { assess, inWords, left, salvage } from './damage.ts';
import { writeDocument } from './document.ts';
import { changedEnv, encodeEnv, readEnv } from './env.ts';
import { readWhole, storageError, syncFolder, syncFoldersUpTo, truncate, writeDurable } from './file.ts';
import { Heads } from './heads.ts';
import { HeldFolders } from './held-folders.ts';
import { appendJournal, type Mark, type Tail } from './journal.ts';
import { Keys } from './keys.ts';
import {
  ENV_FILE,
  headsFile,
  INPUT_FILE,
  JOURNAL_FILE,
  keysFolder,
  PACK_END,
  previousOf,
  SNAPSHOT_FILE,
  type TaskFiles,
  taskFiles,
} from './layout.ts';
import { LostTasks } from './lost-tasks.ts';
import { copySource, putBack, readInto, remembering, wasChanged } from './mend.ts';
import { FORMATS, type Formats } from './migrate.ts';
import { Pack } from './pack.ts';
import { packed, readPack } from './packing.ts';
import { discard, isThere, StatePlace } from './place.ts';
import { Quarantine } from './quarantine.ts';
import { eventsOf, foldJournal, newestSnapshot, readAcknowledged, readTask } from './reading.ts';
import { bytesBelow, bytesOfFile } from './size.ts';
import { encodeSnapshot } from './snapshot.ts';
import { folderSource, type TaskSource } from './source.ts';
import { layOut } from './task-folder.ts';

const STAGED = '.new-';
/** `bytes`: end of the sound part of the journal. */
export type FileLoaded = Loaded & { bytes: number };

export class FileStore implements LocalStore {
  readonly tasks: string;
  readonly quarantine: Quarantine;
  readonly keys: Keys;
  /** Whether the state is still there. */
  readonly place: StatePlace;
  /** Called when files of a task that is not over were changed by somebody else and written again. */
  onMended: (mended: Mended) => void = () => {};
  readonly #lost = new LostTasks();
  readonly #formats: Formats;
  readonly #heads: Heads;
  /** Acknowledged end of every journal that was read or written. What may stand behind it is nobody's. */
  readonly #tails = new Map<string, Tail>();
  readonly #standings = new Map<string, Standing>();
  readonly #listeners = new Set<(id: string) => void>();
  readonly #marks = new Map<string, Mark>();
  readonly #copies = new Copies();
  readonly #appending = new Set<string>();
  readonly #packed = new Set<string>();
  /** Names that were there when the tasks were listed last. */
  #listed: ReadonlySet<string> = new Set();
  readonly #held = new HeldFolders();
  readonly #only_reads: boolean;

  /**
   * `only_reads`: for who looks while no supervisor runs. Nothing below `home` is made, moved, mended or written, and one
   * that starts meanwhile is not disturbed; of the methods only those that read may be called.
   */
  constructor(
    paths: { home: string; tasks: string; quarantine: string },
    formats: Formats = FORMATS,
    { only_reads = false }: { only_reads?: boolean } = {},
  ) {
    this.tasks = paths.tasks;
    this.quarantine = new Quarantine(paths.quarantine);
    this.#formats = formats;
    this.#only_reads = only_reads;
    if (only_reads) {
      this.keys = new Keys(keysFolder(paths.home), { only_reads });
      this.#heads = new Heads(headsFile(paths.home), { only_reads });
      this.place = new StatePlace(paths.home, []);
      return;
    }
    try {
      const first = mkdirSync(this.tasks, { recursive: true, mode: 0o700 });
      syncFoldersUpTo(this.tasks, first && first.length < paths.home.length ? first : paths.home);
      this.#removeStaged();
      this.keys = new Keys(keysFolder(paths.home));
      this.#heads = new Heads(headsFile(paths.home));
      this.place = new StatePlace(paths.home, [paths.home, paths.tasks]);
    } catch (error) {
      throw storageError(this.tasks, error);
    }
  }

  files(id: string): TaskFiles {
    return taskFiles(this.tasks, id);
  }

  taskOfKey(key: string): string | null {
    return this.keys.get(key);
  }

  has(id: string): boolean {
    const { journal, pack } = this.files(id);
    return existsSync(journal) || existsSync(pack);
  }

  /** Ids of all tasks, oldest first (an id begins with its time). */
  list(): string[] {
    if (this.#only_reads && !isThere(this.tasks)) return [];
    const names = readdirSync(this.tasks).filter(name => !name.startsWith('.'));
    this.#listed = new Set(names);
    return [
      ...new Set(names.map(name => (name.endsWith(PACK_END) ? name.slice(0, -PACK_END.length) : name))),
    ].sort();
  }

  /** Tasks that cannot be used; see also `recall`. */
  get damage(): Damage[] {
    return this.#lost.all;
  }

  gone(): string | null {
    return this.place.gone();
  }

  /** Nothing of the task is there: somebody else removed it. What was moved aside can be put back. */
  isGone(id: string): boolean {
    const { folder, pack } = this.files(id);
    const aside = this.damage.some(({ task, moved_to }) => task === id && moved_to !== null);
    return !aside && !isThere(folder) && !isThere(pack);
  }

  noteEnded(id: string): void {
    this.#lost.noteEnded(id);
  }

  /** A new task, all or nothing: made aside, synced, then renamed into place. Durable when it returns. */
  submit(id: string, events: Event[], env: Record<string, string>, input: Buffer | null = null): FileLoaded {
    this.place.assertHere();
    const { folder, pack } = this.files(id);
    if (isThere(folder) || isThere(pack)) {
      throw new RasenError('task_exists', `${folder} is there already`, { hint: 'See `rasen doctor`.' });
    }
    assertSound(id, events);
    const state = foldAll(events);
    const staged = join(this.tasks, `${STAGED}${id}`);
    let placed = false;
    try {
      rmSync(staged, { recursive: true, force: true });
      mkdirSync(staged, { mode: 0o700 });
      writeDurable(join(staged, ENV_FILE), encodeEnv({ env, before: {} }));
      if (input) writeDurable(join(staged, INPUT_FILE), input);
      const into = { folder: staged, displaced: () => {} };
      const { text, last } = encodeEvents(into, events, this.#formats.current);
      writeDurable(join(staged, JOURNAL_FILE), text);
      syncFolder(staged);
      renameSync(staged, folder);
      placed = true;
      syncFolder(this.tasks);
      // Not before: a key without its task would look like a task that is gone. One that is not written is found again.
      if (state.spec.key) this.keys.take(state.spec.key, id);
      this.keys.sync();
      const bytes = Buffer.byteLength(text);
      const at = standingAfter(null, events);
      this.#remember(id, { bytes, crc: crc32(text), format: this.#formats.current, last }, at);
      this.#heads.flush();
      this.#copy(id, folderSource(folder));
      return { state, at, bytes };
    } catch (error) {
      discard(placed ? folder : staged, staged);
      if (state.spec.key && this.keys.get(state.spec.key) === id) this.#free(id);
      throw storageError(folder, error);
    }
  }

  /** State of a task from its journal, or null when it cannot be used: then it is in `damage`, and the rest goes on. */
  load(id: string, again = true): FileLoaded | null {
    const files = this.files(id);
    try {
      const reading = this.#read(id);
      const { state, nonce, tail, torn, unreadable } = reading;
      const at = { epoch: state.epoch, nonce, seq: state.seq };
      if (this.#only_reads) return { state, at, bytes: tail.bytes };
      this.#remember(id, tail, at);
      if (torn.length > 0) this.#cut(id, files, tail.bytes, torn);
      for (const name of unreadable) this.#moveSnapshot(id, join(files.folder, name), name);
      if (state.spec.key) this.keys.take(state.spec.key, id);
      return { state, at, bytes: tail.bytes };
    } catch (error) {
      // Removed, or packed, by a supervisor that has started meanwhile: there is nothing wrong with it.
      if (this.#only_reads && errnoOf(error) === 'ENOENT') {
        const { folder, pack } = files;
        if (!isThere(folder) && (!isThere(pack) || !again)) return null;
        if (again) return this.load(id, false);
      }
      this.lose(id, error);
      return null;
    }
  }

  /**
   * What was said of a task when it was packed, without reading more of it; null: it is none, or what is known of it
   * does not fit: `load` it.
   */
  brief(id: string): { brief: unknown; about: About } | null {
    const { pack } = this.files(id);
    if (!this.#listed.has(`${id}${PACK_END}`) || this.#listed.has(id)) return null;
    try {
      const { header } = Pack.open(pack);
      const head = this.#heads.get(id);
      if (
        header.id !== id ||
        (head && (head.bytes !== header.journal.bytes || head.crc !== header.journal.crc))
      )
        return null;
      this.#packed.add(id);
      if (!this.#only_reads) {
        this.#remember(id, header.journal, null);
        if (header.about.key) this.keys.take(header.about.key, id);
      }
      return { brief: header.brief, about: header.about };
    } catch {
      return null;
    }
  }

  /** All that was read is on the disk as far as it must be; to be called when every task was loaded. */
  loaded(): void {
    if (this.#only_reads) return;
    try {
      this.keys.sync();
    } catch {
      // The tasks have their keys; the next start writes them down.
    }
    this.#heads.flush();
  }

  /** A task cannot be used: names it in `damage`, and moves it aside where its bytes are of no use. */
  lose(id: string, raw: unknown): Damage {
    const error = inWords(raw);
    const { folder, pack } = this.files(id);
    const path = isThere(folder) ? folder : pack;
    const about = salvage(path);
    const found = this.#only_reads
      ? left(id, error, about)
      : assess(id, error, () => this.quarantine.moveTask(path, id, error), about);
    this.#lost.name(found);
    if (this.#only_reads) return found;
    if (about.key && !this.keys.get(about.key)) this.#take(about.key, id);
    this.#tails.delete(id);
    this.#standings.delete(id);
    this.#marks.delete(id);
    this.#copies.drop(id);
    this.#packed.delete(id);
    return found;
  }

  /**
   * Names in `damage` what earlier starts moved aside, and tasks that are known to have been here and are gone. To be
   * called when every task was loaded.
   */
  recall(): void {
    const here = new Set([...this.list(), ...this.damage.map(({ task }) => task)]);
    this.#lost.recallMoved(this.quarantine, here, (task, { key }) => {
      if (key && !this.#only_reads && !this.keys.get(key)) this.#take(key, task);
    });
    for (const task of new Set([...this.#heads.tasks(), ...this.keys.tasks()]))
      if (!here.has(task)) this.#lost.nameGone(task, this.files(task).folder);
  }

  /** Everything that is wrong with the files of a task, read again from the disk; changes nothing. */
  check(id: string): string[] {
    const problems: string[] = [];
    const look = (work: () => void) => {
      try {
        work();
      } catch (error) {
        problems.push(messageOf(error));
      }
    };
    look(() => {
      const files = this.#source(id);
      if (files instanceof Pack) files.verify();
      const { snapshot, unreadable } = newestSnapshot(files, this.#formats);
      problems.push(...unreadable.map(name => `${join(files.folder, name)} is not what was written`));
      const journal = readAcknowledged(files, { exact: this.#tails.get(id) }, this.#formats);
      foldJournal(files, journal, this.#formats, snapshot?.state.seq ?? 0);
    });
    look(() => readEnv(this.#source(id)));
    return problems;
  }

  /** Every acknowledged event of a task, in order. Throws `damaged` or `version`, never gives a part. */
  events(id: string, afterSeq = 0): Event[] {
    try {
      if (this.#only_reads) this.#lookWhere(id);
      const files = this.#copyOf(id) ?? this.#source(id);
      return eventsOf(
        files,
        readAcknowledged(files, { exact: this.#tails.get(id) }, this.#formats),
        this.#formats,
        afterSeq,
      );
    } catch (error) {
      if (error instanceof RasenError || errnoOf(error) === undefined) throw error;
      const { journal } = this.files(id);
      throw new RasenError('damaged', `${journal} cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }

  async claim(id: string, at: Standing, events: Event[]): Promise<Standing> {
    assertClaims(id, at, events);
    return await this.commit(id, at, events);
  }

  async commit(id: string, at: Standing, events: Event[]): Promise<Standing> {
    assertStands(id, this.#standingOf(id), at);
    await this.append(id, this.#tailOf(id).bytes, events);
    return { ...this.#standingOf(id) };
  }

  /** The lock of the instance is what is held; it is lost with the folder. */
  renew(id: string, at: Standing): void {
    this.place.assertHere();
    assertStands(id, this.#standingOf(id), at);
  }

  /** How far the journal goes is on the disk: whoever claims it next has nothing to find out. */
  release(_id: string, _at: Standing): void {
    this.#flushHeads();
  }

  signal(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }

  onSignal(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Appends events that follow `at`; resolves with the new end when they are on disk. One at a time per task. */
  async append(id: string, at: number, events: Event[]): Promise<number> {
    const { folder, journal } = this.files(id);
    const tail = this.#tailOf(id);
    assertSound(id, events);
    if (this.#appending.has(id)) throw new Error(`two appends at once to task ${id}`);
    if (tail.bytes !== at)
      throw new Error(`task ${id}: append at ${at}, and its journal ends at ${tail.bytes}`);
    this.#appending.add(id);
    try {
      if (this.#packed.has(id)) this.#unpack(id);
      const format = this.#formats.current;
      const displaced = (path: string) => this.quarantine.move(path, `${id}.artifact`);
      const write = async () => {
        const mark = tail.format < format ? format : null;
        const { text, artifacts, last } = encodeEvents({ folder, displaced }, events, mark, tail.last);
        if (artifacts) syncFolder(folder);
        const from = { bytes: at, crc: tail.crc, mark: this.#marks.get(id) ?? null };
        const written = await appendJournal(journal, from, text, rest =>
          this.quarantine.keep(rest, `${id}.torn`),
        );
        this.#marks.set(id, written.mark);
        const now = standingAfter(this.#standings.get(id) ?? null, events);
        this.#remember(id, { bytes: written.bytes, crc: crc32(text, tail.crc), format, last }, now);
        this.#copies.add(id, JOURNAL_FILE, Buffer.from(text));
        this.#flushHeads();
        return written.bytes;
      };
      try {
        return await write();
      } catch (error) {
        if (!this.#mend(id, error)) throw error;
        return await write();
      }
    } catch (error) {
      throw storageError(journal, error);
    } finally {
      this.#appending.delete(id);
    }
  }

  /** The task is over: what is kept of it in memory to mend it is not needed any more. */
  rest(id: string): void {
    this.#copies.drop(id);
  }

  /** Writes the state as of the end of the journal; the generation before is kept. */
  async snapshot(id: string, { state }: Pick<Loaded, 'state'>): Promise<void> {
    const tail = this.#tailOf(id);
    const { seq } = this.#standingOf(id);
    if (seq !== state.seq) throw new Error(`task ${id}: snapshot of event ${state.seq} of ${seq}`);
    const text = encodeSnapshot(this.#formats.current, state, tail);
    await writeDocument(this.files(id).snapshot, text, { keepPrevious: true });
  }

  /** What was captured from the user's shell. Throws `damaged`. */
  env(id: string): Record<string, string> {
    return this.captured(id).env;
  }

  /** The same, with the values before. Throws `damaged`. */
  captured(id: string): CapturedEnv {
    return readEnv(this.#copyOf(id) ?? this.#source(id));
  }

  /** Values in the place of those that were captured, of a task that is not over. Durable when it resolves. */
  async changeEnv(id: string, changes: Record<string, string>): Promise<void> {
    this.place.assertHere();
    const text = encodeEnv(changedEnv(this.captured(id), changes));
    await writeDocument(this.files(id).env, text);
    this.#copies.replace(id, ENV_FILE, Buffer.from(text));
  }

  isPacked(id: string): boolean {
    return this.#packed.has(id);
  }

  /**
   * Makes one file of a task that is over, or gives the reason why not; it is then as it was. `env`: what was captured
   * at submit is needed again (a merge runs gates); `brief`: what `brief` gives of it later. At each moment the task is there as a whole, as a folder or a file.
   */
  async pack(id: string, loaded: Pick<Loaded, 'state'>, options: { brief: unknown }): Promise<string | null> {
    this.place.assertHere();
    const { folder, pack } = this.files(id);
    if (this.#packed.has(id)) return null;
    if (this.#held.has(id)) return HELD;
    const problems = this.check(id);
    if (problems.length > 0) return problems.join('; ');
    const tail = this.#tailOf(id);
    if (this.#standingOf(id).seq !== loaded.state.seq) return HELD;
    const task = { id, folder, pack, state: loaded.state, tail, brief: options.brief };
    const data = await packed(task, this.#formats);
    if (typeof data === 'string') return data;
    if (this.#tails.get(id)?.bytes !== tail.bytes || this.#held.has(id)) return HELD;
    const staged = join(this.tasks, `${STAGED}pack-${id}`);
    try {
      writeDurable(staged, data);
      renameSync(staged, pack);
      syncFolder(this.tasks);
      this.#bury(id, folder);
    } catch (error) {
      // A folder beside its pack is the task; the pack goes at the next start.
      throw storageError(pack, error);
    } finally {
      this.#lookWhere(id);
    }
    this.#marks.delete(id);
    return null;
  }

  /**
   * What the attempts of a task left, for as long as it is read: `tasks` is a folder like the store's own, with the
   * task in it; a packed one is laid out for this. `release` it.
   */
  hold(id: string): { tasks: string; release: () => void } {
    const { folder, pack } = this.files(id);
    const laid = this.#only_reads
      ? join(tmpdir(), `rasen-read-${process.pid}-${id}`)
      : join(this.tasks, `${STAGED}read-${id}`);
    return this.#held.hold(id, { folder, pack: this.#packed.has(id) ? pack : null, laid });
  }

  /** Files of a packed task whose path below its folder begins so. Throws `damaged`. */
  packedFiles(id: string, prefix: string): StoredFile[] {
    return Pack.open(this.files(id).pack).files(prefix);
  }

  bytes(id: string): Promise<number> {
    const { pack, folder } = this.files(id);
    return this.#packed.has(id) ? Promise.resolve(bytesOfFile(pack)) : bytesBelow(folder);
  }

  inputHash(id: string): string {
    return sha256(readWhole(this.files(id).input));
  }

  movedAside(): string[] {
    return this.quarantine.list();
  }

  /** Removes a task for good (gc), and frees its key. What a crash leaves of it goes at the next start. */
  remove(id: string): void {
    const { folder, pack } = this.files(id);
    const packed = this.#packed.has(id);
    try {
      lstatSync(packed ? pack : folder);
      this.#free(id);
      this.#bury(id, packed ? pack : folder);
    } catch (error) {
      throw storageError(folder, error);
    }
    this.#tails.delete(id);
    this.#standings.delete(id);
    this.#marks.delete(id);
    this.#copies.drop(id);
    this.#packed.delete(id);
  }

  /** Removes what is left of a task that cannot be used, and frees its key. */
  removeDamaged(id: string): void {
    const known = this.#lost.of(id);
    if (known?.kind !== 'damaged') throw new Error(`task ${id} is not damaged`);
    const { folder, pack } = this.files(id);
    try {
      this.#free(id);
      this.quarantine.removeTask(id);
      for (const path of [folder, pack]) if (isThere(path)) this.#bury(id, path);
    } catch (error) {
      throw storageError(folder, error);
    }
    this.#lost.forget(known);
  }

  /** Not into a folder that has come to the path of ours meanwhile. */
  #flushHeads(): void {
    if (this.place.gone() === null) this.#heads.flush();
  }

  /** Before an end that is foreseen: how far each journal goes is on the disk. */
  close(): void {
    if (this.place.gone() === null) this.#heads.sync();
    this.place.close();
  }

  /** Why it is not noticed whether journals were cut at a line end; null: it is. */
  get blind(): string | null {
    return this.#heads.problem;
  }

  /** Key and head first: without them a crash leaves a task that is read again, and not one that is missed. */
  #free(id: string): void {
    this.keys.free(id);
    this.#heads.clear(id);
  }

  #take(key: string, id: string): void {
    try {
      this.keys.take(key, id);
      this.keys.sync();
    } catch {
      // It is found out again at the next start.
    }
  }

  #bury(id: string, path: string): void {
    const gone = join(this.tasks, `${STAGED}gone-${id}`);
    rmSync(gone, { recursive: true, force: true });
    renameSync(path, gone);
    syncFolder(this.tasks);
    rmSync(gone, { recursive: true, force: true });
  }

  /** `at`: null where it is not known before the journal is read. */
  #remember(id: string, tail: Tail, at: Standing | null): void {
    this.#tails.set(id, tail);
    if (at) this.#standings.set(id, at);
    this.#heads.note(id, tail);
  }

  #read(id: string): ReturnType<typeof readTask> {
    const { folder, pack } = this.files(id);
    const known = { exact: this.#tails.get(id), least: this.#heads.get(id) };
    if (!isThere(folder) && isThere(pack)) {
      const opened = Pack.open(pack);
      this.#packed.add(id);
      return readPack(id, opened, known, this.#formats);
    }
    const source = folderSource(folder);
    const seen = new Map<string, Buffer>();
    const reading = readTask(id, remembering(source, seen), known, this.#formats);
    this.#packed.delete(id);
    if (this.#only_reads) return reading;
    // Left by a crash between the two: the folder is whole.
    if (isThere(pack)) discard(pack, join(this.tasks, `${STAGED}gone-${id}`));
    if (!isTerminal(reading.state.status)) {
      seen.set(JOURNAL_FILE, Buffer.from(seen.get(JOURNAL_FILE)!.subarray(0, reading.tail.bytes)));
      seen.delete(SNAPSHOT_FILE);
      seen.delete(previousOf(SNAPSHOT_FILE));
      readInto(source, ENV_FILE, seen);
      this.#copies.keep(id, seen);
    }
    return reading;
  }

  #source(id: string): TaskSource {
    const { folder, pack } = this.files(id);
    return this.#packed.has(id) ? Pack.open(pack) : folderSource(folder);
  }

  /** What was written is read once more, from the system's memory: it is what a start would find. */
  #copy(id: string, source: TaskSource): void {
    const seen = new Map<string, Buffer>();
    try {
      const journal = source.read(JOURNAL_FILE);
      seen.set(JOURNAL_FILE, journal);
      readInto(source, ENV_FILE, seen);
      eventsOf(remembering(source, seen), journal, this.#formats, 0);
      this.#copies.keep(id, seen);
    } catch {
      // It can do without.
    }
  }

  #copyOf(id: string): TaskSource | null {
    const copy = this.#copies.get(id);
    return copy && copySource(copy, this.files(id).folder);
  }

  /** Puts back what somebody else changed in the files of a task that is kept in memory; false: that is not what failed. */
  #mend(id: string, error: unknown): boolean {
    const copy = this.#copies.get(id);
    if (!copy || !wasChanged(error)) return false;
    this.place.assertHere();
    const { folder, pack } = this.files(id);
    if (isThere(pack)) return false;
    const moved_to = putBack(id, folder, copy, this.quarantine);
    this.#marks.delete(id);
    this.onMended({ task: id, message: messageOf(error), moved_to });
    return true;
  }

  #unpack(id: string): void {
    const { folder, pack } = this.files(id);
    const staged = join(this.tasks, `${STAGED}${id}`);
    try {
      discard(staged);
      layOut(staged, Pack.open(pack).files(), true);
      renameSync(staged, folder);
      syncFolder(this.tasks);
    } finally {
      this.#lookWhere(id);
    }
    discard(pack, join(this.tasks, `${STAGED}gone-${id}`));
  }

  /** What is on the disk says whether a task is packed, also after a step that failed: a folder is whole if it is there. */
  #lookWhere(id: string): void {
    const { folder, pack } = this.files(id);
    if (!isThere(folder) && isThere(pack)) this.#packed.add(id);
    else this.#packed.delete(id);
  }

  #standingOf(id: string): Standing {
    const known = this.#standings.get(id) ?? this.load(id)?.at;
    if (known) return known;
    throw this.#lost.error(id);
  }

  #tailOf(id: string): Tail {
    const known = this.#tails.get(id) ?? (this.load(id) && this.#tails.get(id));
    if (known) return known;
    throw this.#lost.error(id);
  }

  /** Keeps what was torn off and cuts it. Where that fails (disk full) it stays, and the next append does it. */
  #cut(id: string, { journal }: TaskFiles, bytes: number, torn: Buffer): void {
    try {
      this.quarantine.keep(torn, `${id}.torn`);
      truncate(journal, bytes);
    } catch {
      // Nobody reads beyond the acknowledged end.
    }
  }

  #moveSnapshot(id: string, path: string, name: string): void {
    try {
      this.quarantine.move(path, `${id}.${name}`);
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
