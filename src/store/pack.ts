/**
 * A task that is over, as one file: its journal, spec, plans, last state and what its attempts left, whole and
 * compressed. A sealed line says what is in it, the compressed parts follow.
 *
 *   {"pack":1,"id":"01kfz3a0…","about":{…},"journal":{…},"blobs":[…],"files":[…],"crc":"1f0c66ab"}
 *
 * The last state is a part by itself, so that a start with many tasks reads little of each.
 */
import { isAbsolute } from 'node:path';
import { promisify } from 'node:util';
import { crc32, zstdCompress, zstdDecompressSync } from 'node:zlib';
import { RasenError } from '../errors.ts';
import type { About } from './damage.ts';
import { readWhole } from './file.ts';
import type { Tail } from './journal.ts';
import { SNAPSHOT_FILE } from './layout.ts';
import { seal, unseal } from './seal.ts';
import type { TaskSource } from './source.ts';

const compress = promisify(zstdCompress);

/** Most bytes and files of a task that is packed; others stay a folder. */
export const PACK_BYTES_MAX = 8 * 1024 * 1024;
export const PACK_FILES_MAX = 2000;
/** Of the file: bytes that do not compress, and their names. */
const FILE_BYTES_MAX = 2 * PACK_BYTES_MAX;
const NEWLINE = 10;

export interface PackHeader {
  pack: 1;
  id: string;
  about: About;
  journal: Tail;
  /** Compressed and plain length; checksum of the compressed bytes. */
  blobs: { stored: number; bytes: number; crc: number }[];
  /** By path below the task's folder; one that ends with a slash is a folder. */
  files: { name: string; blob: number; at: number; bytes: number }[];
}

/** A file by its path below the task's folder; folders end with a slash and have no bytes. */
export interface PackedFile {
  name: string;
  data: Buffer;
}

/** The bytes of the file. */
export async function encodePack(
  head: Pick<PackHeader, 'id' | 'about' | 'journal'>,
  files: readonly PackedFile[],
): Promise<Buffer> {
  const plain: Buffer[][] = [[], [], []];
  const sizes = [0, 0, 0];
  const listed = files.map(({ name, data }) => {
    const blob = name === SNAPSHOT_FILE ? 0 : name.includes('/') ? 2 : 1;
    const at = sizes[blob]!;
    plain[blob]!.push(data);
    sizes[blob] = at + data.length;
    return { name, blob, at, bytes: data.length };
  });
  const stored = await Promise.all(plain.map(parts => compress(Buffer.concat(parts))));
  const blobs = stored.map((data, i) => ({ stored: data.length, bytes: sizes[i]!, crc: crc32(data) }));
  const header: PackHeader = { pack: 1, ...head, blobs, files: listed };
  return Buffer.concat([Buffer.from(`${seal(header)}\n`), ...stored]);
}

export class Pack implements TaskSource {
  readonly folder: string;
  readonly header: PackHeader;
  readonly #data: Buffer;
  readonly #plain = new Map<number, Buffer>();

  /** `path` is for messages. Throws `damaged` when one byte is not what was written, `version` for a newer pack. */
  constructor(path: string, data: Buffer) {
    this.folder = path;
    const { header, bytes } = headerOf(path, data);
    this.header = header;
    this.#data = data.subarray(bytes);
    let at = 0;
    for (const { stored, crc } of this.header.blobs) {
      if (crc32(this.#data.subarray(at, at + stored)) !== crc) throw notWritten(path);
      at += stored;
    }
    if (at !== this.#data.length) throw notWritten(path);
  }

  /** Throws as the constructor, or the error of the system. */
  static open(path: string): Pack {
    return new Pack(path, readWhole(path, FILE_BYTES_MAX));
  }

  has(name: string): boolean {
    return this.header.files.some(file => file.name === name);
  }

  read(name: string): Buffer {
    const file = this.header.files.find(f => f.name === name);
    if (!file) throw Object.assign(new Error(`ENOENT: no ${name} in ${this.folder}`), { code: 'ENOENT' });
    return this.#blob(file.blob).subarray(file.at, file.at + file.bytes);
  }

  /** Everything in it whose path begins so. */
  files(prefix = ''): PackedFile[] {
    return this.header.files
      .filter(({ name }) => name.startsWith(prefix))
      .map(({ name }) => ({ name, data: this.read(name) }));
  }

  #blob(index: number): Buffer {
    const known = this.#plain.get(index);
    if (known) return known;
    let at = 0;
    for (const { stored } of this.header.blobs.slice(0, index)) at += stored;
    const { stored, bytes } = this.header.blobs[index]!;
    const plain = zstdDecompressSync(this.#data.subarray(at, at + stored), {
      maxOutputLength: Math.max(1, bytes),
    });
    this.#plain.set(index, plain);
    return plain;
  }
}

/** What the first line says, whatever became of the rest. Throws as `Pack`. */
export function readPackHeader(path: string): PackHeader {
  return headerOf(path, readWhole(path, FILE_BYTES_MAX)).header;
}

function headerOf(path: string, data: Buffer): { header: PackHeader; bytes: number } {
  const end = data.indexOf(NEWLINE);
  const header = end < 0 ? null : unseal(data.subarray(0, end));
  if (!header || header.pack === undefined) throw notWritten(path);
  if (header.pack !== 1)
    throw new RasenError('version', `${path} has pack format ${header.pack}; this rasen writes 1`, {
      hint: 'It was written by a newer rasen. Start that version; this one leaves the task alone.',
    });
  const known = header as unknown as PackHeader;
  // They become paths when it is unpacked.
  if (known.files.some(({ name }) => isAbsolute(name) || name.split('/').includes('..')))
    throw notWritten(path);
  return { header: known, bytes: end + 1 };
}

function notWritten(path: string): RasenError {
  return new RasenError('damaged', `${path} is not what was written`);
}
