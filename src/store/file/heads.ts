/**
 * How far each journal goes, known apart from the journal: its acknowledged length and checksum, one line of fixed
 * length a task in one file. With it a journal that was cut at a line end, and a task whose folder is gone, are damage
 * and not a shorter story.
 *
 *   01kfz3a0…   18223 1f0c66ab 8d11c2f0
 *
 * Written after every append and not synced: the system has it at once, whatever becomes of the supervisor. A power cut
 * may take the newest of these lines. What is then found is a head that is behind its journal, never one ahead of it,
 * since the journal was synced before: less is noticed, and nothing sound is called damaged.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { crc32 } from 'node:zlib';
import { errnoOf } from '../../contract/errors.ts';
import { readWhole } from './file.ts';
import { hex } from './seal.ts';

export interface Head {
  /** Acknowledged bytes of the journal, and CRC-32 of them. */
  bytes: number;
  crc: number;
}

/** Of a line, its end included. A sector holds whole lines: none is torn by a power cut. */
const SLOT = 64;
const ID_CHARS = 26;
const LINE = /^(\S+) +(\d+) ([0-9a-f]{8}) ([0-9a-f]{8}) *\n$/;
const FREE = `${' '.repeat(SLOT - 1)}\n`;
/** A million tasks. */
const MAX_BYTES = 64 * 1024 * 1024;
const SAFE = constants.O_NOFOLLOW | constants.O_NONBLOCK;

export class Heads {
  readonly #path: string;
  readonly #heads = new Map<string, Head>();
  readonly #slots = new Map<string, number>();
  readonly #free: number[] = [];
  readonly #dirty = new Set<string>();
  #end = 0;
  /** Why it cannot be used; null: it can. */
  problem: string | null = null;

  /**
   * Reads what is there; a file that is none of ours is put aside by its name, and all begins anew. `only_reads`: it is
   * left where it is.
   */
  constructor(path: string, { only_reads = false }: { only_reads?: boolean } = {}) {
    this.#path = path;
    let data: Buffer;
    try {
      data = readWhole(path, MAX_BYTES);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' && !only_reads) this.#putAside();
      return;
    }
    this.#end = Math.ceil(data.length / SLOT);
    for (let slot = 0; slot < this.#end; slot++) {
      const line = data.toString('latin1', slot * SLOT, (slot + 1) * SLOT);
      const [, id, bytes, crc, check] = LINE.exec(line) ?? [];
      // A line that is not what was written says nothing; its task is written down again when it is read.
      if (id === undefined || check !== checkOf(id, bytes!, crc!)) {
        this.#free.push(slot);
        continue;
      }
      this.#heads.set(id, { bytes: Number(bytes), crc: Number.parseInt(crc!, 16) });
      this.#slots.set(id, slot);
    }
  }

  get(id: string): Head | null {
    return this.#heads.get(id) ?? null;
  }

  tasks(): Iterable<string> {
    return this.#heads.keys();
  }

  /** In memory; `flush` writes it. */
  note(id: string, head: Head): void {
    const known = this.#heads.get(id);
    if (known?.bytes === head.bytes && known.crc === head.crc) return;
    this.#heads.set(id, { bytes: head.bytes, crc: head.crc });
    this.#dirty.add(id);
  }

  /** Never throws: a head that could not be written stays behind, and is written with the next. */
  flush(): void {
    if (this.#dirty.size === 0) return;
    this.#write(fd => {
      for (const id of this.#dirty) {
        const { bytes, crc } = this.#heads.get(id)!;
        let slot = this.#slots.get(id);
        if (slot === undefined) {
          slot = this.#free.pop() ?? this.#end++;
          this.#slots.set(id, slot);
        }
        const said = [id.padEnd(ID_CHARS), String(bytes).padStart(12), hex(crc)].join(' ');
        const line = `${said} ${checkOf(id, String(bytes), hex(crc))}`.padEnd(SLOT - 1);
        writeSync(fd, `${line}\n`, slot * SLOT, 'latin1');
      }
      this.#dirty.clear();
    });
  }

  /** The task is to be removed: on the disk when it returns, so that it is not missed afterwards. */
  clear(id: string): void {
    this.#heads.delete(id);
    this.#dirty.delete(id);
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    this.#slots.delete(id);
    this.#write(fd => {
      writeSync(fd, FREE, slot * SLOT, 'latin1');
      fdatasyncSync(fd);
    });
    this.#free.push(slot);
  }

  /** Before an end that is foreseen. */
  sync(): void {
    this.flush();
    if (this.#slots.size > 0) this.#write(fd => fdatasyncSync(fd));
  }

  #write(work: (fd: number) => void): void {
    try {
      const fd = openSync(this.#path, constants.O_RDWR | constants.O_CREAT | SAFE, 0o600);
      try {
        const stat = fstatSync(fd);
        if (!stat.isFile()) throw new Error('it is not a regular file');
        // Gone, or cut by somebody else: what is known is written anew as it changes.
        if (stat.size > this.#end * SLOT) ftruncateSync(fd, this.#end * SLOT);
        work(fd);
      } finally {
        closeSync(fd);
      }
      this.problem = null;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }

  #putAside(): void {
    try {
      renameSync(this.#path, `${this.#path}.unreadable-${Date.now()}`);
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }
}

const checkOf = (id: string, bytes: string, crc: string) => hex(crc32(`${id} ${bytes} ${crc}`));
