/**
 * A task that is over, as one file: its journal, spec, plans, last state and what its attempts left, whole and
 * compressed. A sealed line comes first; then, compressed, the list of the files with those of the task itself, and
 * those of its attempts apart. A start with many tasks reads the first line of each and nothing else.
 *
 *   {"pack":1,"id":"01kfz3a0…","about":{…},"journal":{…},"brief":{…},"index":1203,"blobs":[…],"crc":"1f0c66ab"}
 */
import { closeSync, constants, fstatSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { promisify } from 'node:util';
import { crc32, zstdCompress, zstdDecompressSync } from 'node:zlib';
import { RasenError } from '../../contract/errors.ts';
import type { About, StoredFile } from '../store.ts';
import { openRegular, readAt } from './file.ts';
import type { Tail } from './journal.ts';
import { seal, unseal } from './seal.ts';
import type { TaskSource } from './source.ts';

const compress = promisify(zstdCompress);

/** Most bytes and files of a task that is packed; others stay a folder. */
export const PACK_BYTES_MAX = 8 * 1024 * 1024;
export const PACK_FILES_MAX = 2000;
/** Of the file: bytes that do not compress, and their names. */
const FILE_BYTES_MAX = 2 * PACK_BYTES_MAX;
/** What is read of a pack to begin with: most are no longer. */
const FIRST_BYTES = 8192;
const HEADER_BYTES_MAX = 1024 * 1024;
const NEWLINE = 10;

export interface PackHeader {
  pack: 1;
  id: string;
  about: About;
  journal: Tail;
  /** What is asked of every task, as its writer knows it. */
  brief: unknown;
  /** Bytes of the list of files, at the beginning of the first blob. */
  index: number;
  /** Compressed and plain length; checksum of the compressed bytes. */
  blobs: { stored: number; bytes: number; crc: number }[];
}

/** A file in the pack: by its path below the task's folder (one that ends with a slash is a folder), and where it is. */
interface Listed {
  name: string;
  blob: number;
  at: number;
  bytes: number;
}

/** A file by its path below the task's folder; folders end with a slash and have no bytes. */
/** The bytes of the file. */
export async function encodePack(
  head: Pick<PackHeader, 'id' | 'about' | 'journal' | 'brief'>,
  files: readonly StoredFile[],
): Promise<Buffer> {
  const plain: Buffer[][] = [[], []];
  const sizes = [0, 0];
  const listed: Listed[] = files.map(({ name, data }) => {
    const blob = name.includes('/') ? 1 : 0;
    const at = sizes[blob]!;
    plain[blob]!.push(data);
    sizes[blob] = at + data.length;
    return { name, blob, at, bytes: data.length };
  });
  const index = Buffer.from(JSON.stringify(listed));
  plain[0]!.unshift(index);
  sizes[0]! += index.length;
  const stored = await Promise.all(plain.map(parts => compress(Buffer.concat(parts))));
  const blobs = stored.map((data, i) => ({ stored: data.length, bytes: sizes[i]!, crc: crc32(data) }));
  const header: PackHeader = { pack: 1, ...head, index: index.length, blobs };
  return Buffer.concat([Buffer.from(`${seal(header)}\n`), ...stored]);
}

/** Bytes of the file from a place on; fewer where it ends. */
type Reader = (at: number, length: number) => Buffer;

export class Pack implements TaskSource {
  readonly folder: string;
  readonly header: PackHeader;
  readonly #reader: Reader;
  readonly #begin: number;
  readonly #plain = new Map<number, Buffer>();
  #index: Listed[] | null = null;

  /**
   * `path` is for messages. Throws `damaged` when the first line or the size is not what was written, `version` for a
   * newer pack; what else is wrong is found when it is read.
   */
  constructor(path: string, size: number, reader: Reader) {
    this.folder = path;
    this.#reader = reader;
    const { header, bytes } = headerOf(path, reader);
    this.header = header;
    this.#begin = bytes;
    if (bytes + header.blobs.reduce((sum, { stored }) => sum + stored, 0) !== size) throw notWritten(path);
  }

  /** Throws as the constructor, or the error of the system. */
  static open(path: string): Pack {
    const fd = openRegular(path, constants.O_RDONLY);
    try {
      const { size } = fstatSync(fd);
      // A small one is read at once.
      const first = readAt(fd, 0, Math.min(size, FIRST_BYTES));
      return new Pack(path, size, (at, length) =>
        at + length <= first.length || first.length === size
          ? first.subarray(at, at + length)
          : readPart(path, at, length),
      );
    } finally {
      closeSync(fd);
    }
  }

  /** Throws `damaged` when one byte is not what was written. */
  verify(): void {
    for (const index of this.header.blobs.keys()) this.#stored(index);
  }

  read(name: string): Buffer {
    const file = this.#list().find(one => one.name === name);
    if (!file) throw Object.assign(new Error(`ENOENT: no ${name} in ${this.folder}`), { code: 'ENOENT' });
    const from = file.at + (file.blob === 0 ? this.header.index : 0);
    return this.#blob(file.blob).subarray(from, from + file.bytes);
  }

  /** Everything in it whose path begins so. */
  files(prefix = ''): StoredFile[] {
    return this.#list()
      .filter(({ name }) => name.startsWith(prefix))
      .map(({ name }) => ({ name, data: this.read(name) }));
  }

  #list(): Listed[] {
    if (this.#index) return this.#index;
    const list: Listed[] = JSON.parse(this.#blob(0).toString('utf8', 0, this.header.index));
    // They become paths when it is unpacked.
    if (list.some(({ name }) => isAbsolute(name) || name.split('/').includes('..')))
      throw notWritten(this.folder);
    this.#index = list;
    return list;
  }

  #blob(index: number): Buffer {
    const known = this.#plain.get(index);
    if (known) return known;
    const maxOutputLength = Math.max(1, this.header.blobs[index]!.bytes);
    const plain = zstdDecompressSync(this.#stored(index), { maxOutputLength });
    this.#plain.set(index, plain);
    return plain;
  }

  #stored(index: number): Buffer {
    const { blobs } = this.header;
    const before = blobs.slice(0, index).reduce((sum, { stored }) => sum + stored, 0);
    const { stored, crc } = blobs[index]!;
    const data = this.#reader(this.#begin + before, stored);
    if (data.length !== stored || crc32(data) !== crc) throw notWritten(this.folder);
    return data;
  }
}

/** What the first line says, whatever became of the rest. Throws as `Pack`. */
export function readPackHeader(path: string): PackHeader {
  return headerOf(path, (at, length) => readPart(path, at, length)).header;
}

function readPart(path: string, at: number, length: number): Buffer {
  if (length > FILE_BYTES_MAX) throw notWritten(path);
  const fd = openRegular(path, constants.O_RDONLY);
  try {
    return readAt(fd, at, length);
  } finally {
    closeSync(fd);
  }
}

function headerOf(path: string, reader: Reader): { header: PackHeader; bytes: number } {
  let data = reader(0, FIRST_BYTES);
  if (!data.includes(NEWLINE)) data = reader(0, HEADER_BYTES_MAX);
  const end = data.indexOf(NEWLINE);
  const header = end < 0 ? null : unseal(data.subarray(0, end));
  if (!header || header.pack === undefined) throw notWritten(path);
  if (header.pack !== 1)
    throw new RasenError('version', `${path} has pack format ${header.pack}; this rasen writes 1`, {
      hint: 'It was written by a newer rasen. Start that version; this one leaves the task alone.',
    });
  return { header: header as unknown as PackHeader, bytes: end + 1 };
}

function notWritten(path: string): RasenError {
  return new RasenError('damaged', `${path} is not what was written`);
}
