/**
 * Triggers on the disk: each a folder with a journal, as tasks have one. A journal of a trigger that fires for years is
 * made short from time to time: what its events led to becomes the first line of a new one.
 *
 *   triggers/ID/events.jsonl   the journal
 *   triggers/ID/event.SHA.json an event that is too long for a line; the line has its sha256
 *   triggers/ID/env.json       the environment of its runs, mode 0600
 *   triggers/ID/payloads/…     what came with slots: changed paths, bodies of deliveries
 */
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { errnoOf, messageOf, RasenError } from '../../contract/errors.ts';
import { stamp } from '../../triggers/advance.ts';
import type { TriggerEvent } from '../../triggers/event.ts';
import { foldAll } from '../../triggers/fold.ts';
import type { TriggerState } from '../../triggers/state.ts';
import { sha256 } from '../../util/sha256.ts';
import { writeDocument } from './document.ts';
import { encodeEnv, readEnv } from './env.ts';
import { readWhole, storageError, syncFolder, truncate, writeDurable } from './file.ts';
import {
  appendJournal,
  digestOf,
  type Line,
  lastDigest,
  type Mark,
  parseJournal,
  tryEncodeLine,
} from './journal.ts';
import { ENV_FILE, JOURNAL_FILE } from './layout.ts';
import { Quarantine } from './quarantine.ts';
import { folderSource } from './source.ts';

const STAGED = '.new-';
const GONE = '.gone-';
const PAYLOADS = 'payloads';
const ARTIFACT = /^event\.[0-9a-f]{64}\.json$/;
/** A journal that is longer is made short. */
const JOURNAL_BYTES_MAX = 256 * 1024;
const ID = /^[0-9a-z]{26}$/;

interface Tail {
  bytes: number;
  crc: number;
  last: string;
  mark: Mark | null;
}

export interface LostTrigger {
  trigger: string;
  message: string;
  moved_to: string | null;
}

export class TriggerStore {
  readonly damage: LostTrigger[] = [];
  readonly #folder: string;
  readonly #quarantine: Quarantine;
  readonly #only_reads: boolean;
  readonly #tails = new Map<string, Tail>();
  readonly #longest: number;

  /** `only_reads` as of the store of tasks: nothing is made, moved or mended. */
  constructor(
    paths: { home: string; quarantine: string },
    { only_reads = false, longest = JOURNAL_BYTES_MAX }: { only_reads?: boolean; longest?: number } = {},
  ) {
    this.#folder = join(paths.home, 'triggers');
    this.#quarantine = new Quarantine(paths.quarantine);
    this.#only_reads = only_reads;
    this.#longest = longest;
  }

  /** All that can be read, oldest first; the others are in `damage`. */
  load(): TriggerState[] {
    const states: TriggerState[] = [];
    for (const name of this.#names()) {
      if (ID.test(name)) {
        const state = this.#load(name);
        if (state) states.push(state);
      } else if (!this.#only_reads && (name.startsWith(STAGED) || name.startsWith(GONE)))
        rmSync(join(this.#folder, name), { recursive: true, force: true });
    }
    return states;
  }

  /** A new trigger, all or nothing. Durable when it returns. */
  create(id: string, events: readonly TriggerEvent[], env: Record<string, string>): void {
    const folder = this.#of(id);
    const staged = join(this.#folder, `${STAGED}${id}`);
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      rmSync(staged, { recursive: true, force: true });
      mkdirSync(staged, { mode: 0o700 });
      writeDurable(join(staged, ENV_FILE), encodeEnv({ env, before: {} }));
      const { text, last } = encode(staged, events, null);
      writeDurable(join(staged, JOURNAL_FILE), text);
      syncFolder(staged);
      renameSync(staged, folder);
      syncFolder(this.#folder);
      this.#tails.set(id, { bytes: Buffer.byteLength(text), crc: crc32(text), last, mark: null });
    } catch (error) {
      rmSync(staged, { recursive: true, force: true });
      throw storageError(folder, error);
    }
  }

  /** Durable when it resolves. One at a time for each trigger. */
  async append(id: string, events: readonly TriggerEvent[], state: TriggerState): Promise<TriggerState> {
    const tail = this.#tails.get(id)!;
    if (tail.bytes > this.#longest) return await this.#shorten(id, state);
    const { text, last } = encode(this.#of(id), events, tail.last);
    const { bytes, mark } = await appendJournal(join(this.#of(id), JOURNAL_FILE), tail, text);
    this.#tails.set(id, { bytes, crc: crc32(text, tail.crc), last, mark });
    return state;
  }

  env(id: string): Record<string, string> {
    return readEnv(folderSource(this.#of(id))).env;
  }

  async setEnv(id: string, env: Record<string, string>): Promise<void> {
    await writeDocument(join(this.#of(id), ENV_FILE), encodeEnv({ env, before: {} }));
  }

  /** A file that comes with a slot; absolute path. */
  payload(id: string, name: string): string {
    return join(this.#of(id), PAYLOADS, name);
  }

  /** What a watcher knows of its files. */
  treeFile(id: string): string {
    return join(this.#of(id), 'tree.jsonl');
  }

  /** The files as they are when the watcher looks next are those that the last run has seen. */
  forgetTree(id: string): void {
    rmSync(this.treeFile(id), { force: true });
  }

  /** Durable when it returns. */
  writePayload(id: string, name: string, value: unknown): void {
    const folder = join(this.#of(id), PAYLOADS);
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeDurable(join(folder, name), `${JSON.stringify(value)}\n`);
      syncFolder(folder);
    } catch (error) {
      throw storageError(folder, error);
    }
  }

  /** What a payload holds; null: it is gone. */
  readPayload(id: string, name: string): unknown {
    try {
      return JSON.parse(readWhole(this.payload(id, name)).toString('utf8'));
    } catch {
      return null;
    }
  }

  /** Removes payloads that no slot and no run needs any more. */
  sweepPayloads(id: string, needed: ReadonlySet<string>): void {
    const folder = join(this.#of(id), PAYLOADS);
    for (const name of namesIn(folder)) if (!needed.has(name)) rmSync(join(folder, name), { force: true });
  }

  /** Whatever it was, it is no more when this returns. */
  remove(id: string): void {
    const gone = join(this.#folder, `${GONE}${id}`);
    try {
      renameSync(this.#of(id), gone);
      syncFolder(this.#folder);
      rmSync(gone, { recursive: true, force: true });
    } catch (error) {
      throw storageError(this.#of(id), error);
    }
    this.#tails.delete(id);
  }

  #of = (id: string) => join(this.#folder, id);

  #names(): string[] {
    return namesIn(this.#folder).sort();
  }

  #load(id: string): TriggerState | null {
    const folder = this.#of(id);
    try {
      const data = readWhole(join(folder, JOURNAL_FILE));
      const { lines, bytes, torn, damage } = parseJournal(data);
      if (damage !== null) throw new RasenError('damaged', `${join(folder, JOURNAL_FILE)}: ${damage}`);
      if (lines.length === 0) throw new RasenError('damaged', `${folder} has no event`);
      const state = foldAll(lines.map(line => decode(folder, line)));
      const sound = data.subarray(0, bytes);
      this.#tails.set(id, { bytes, crc: crc32(sound), last: lastDigest(sound), mark: null });
      if (torn.length > 0 && !this.#only_reads) {
        this.#quarantine.keep(torn, `${id}.torn`);
        truncate(join(folder, JOURNAL_FILE), bytes);
      }
      return state;
    } catch (error) {
      this.#lose(id, error);
      return null;
    }
  }

  #lose(id: string, error: unknown): void {
    // The disk may be well again at the next start.
    const passing = ['EIO', 'EACCES', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(errnoOf(error) ?? '');
    let moved_to: string | null = null;
    if (!this.#only_reads && !passing)
      try {
        moved_to = this.#quarantine.move(this.#of(id), `trigger-${id}`);
      } catch {
        // It stays where it is, unused.
      }
    this.damage.push({ trigger: id, message: messageOf(error), moved_to });
  }

  /** A new journal whose first line is the state. */
  async #shorten(id: string, state: TriggerState): Promise<TriggerState> {
    const folder = this.#of(id);
    const summed = stamp(null, [{ type: 'trigger_summed', state }], { t: state.updated_at });
    const { text, last, artifacts } = encode(folder, summed.events, null);
    syncFolder(folder);
    await writeDocument(join(folder, JOURNAL_FILE), text);
    this.#tails.set(id, { bytes: Buffer.byteLength(text), crc: crc32(text), last, mark: null });
    for (const name of namesIn(folder))
      if (ARTIFACT.test(name) && !artifacts.includes(name)) rmSync(join(folder, name), { force: true });
    return summed.state;
  }
}

/** Always beside the journal: they have a spec in them. */
const LONG: ReadonlySet<string> = new Set(['trigger_created', 'trigger_edited', 'trigger_summed']);

function encode(folder: string, events: readonly TriggerEvent[], before: string | null) {
  const artifacts: string[] = [];
  let prev = before;
  const texts = events.map(event => {
    const chained = prev === null ? {} : { prev };
    const short = LONG.has(event.type) ? null : tryEncodeLine({ ...(event as Line), ...chained });
    const text = short ?? tryEncodeLine({ ...aside(folder, event, artifacts), ...chained })!;
    prev = digestOf(text.slice(0, -1));
    return text;
  });
  if (artifacts.length > 0) syncFolder(folder);
  return { text: texts.join(''), last: prev!, artifacts };
}

function aside(folder: string, event: TriggerEvent, artifacts: string[]): Line {
  const { seq, t, type } = event;
  const text = `${JSON.stringify(event)}\n`;
  const hash = sha256(text);
  const file = `event.${hash}.json`;
  writeDurable(join(folder, file), text);
  artifacts.push(file);
  return { seq, t, type, artifact: { file, sha256: hash } };
}

function decode(folder: string, line: Line): TriggerEvent {
  if (line.artifact === undefined) return line as unknown as TriggerEvent;
  const { file, sha256: wanted } = line.artifact as { file: string; sha256: string };
  const path = join(folder, file);
  if (!ARTIFACT.test(file)) throw new RasenError('damaged', `${path} is no name of an event`);
  const data = readWhole(path);
  if (sha256(data) !== wanted) throw new RasenError('damaged', `${path} is not what was written`);
  return JSON.parse(data.toString('utf8'));
}

function namesIn(folder: string): string[] {
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(folder);
}
