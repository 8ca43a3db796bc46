/**
 * What can be done with files on somebody else's disk, by name: the words between the supervisor and its helper process
 * (far-files.ts). Each does one thing, at once, and gives an outcome that can be sent.
 */
import type { Stats } from 'node:fs';
import { type Room, roomAt } from './disk-room.ts';
import {
  appendForeign,
  type Foreign,
  linkForeign,
  listForeign,
  type Place,
  readForeign,
  readForeignFrom,
  removeForeign,
  renameForeign,
  replaceForeign,
  statForeign,
  targetForeign,
} from './foreign-file.ts';

/** What is under a name, itself and not what it points to. */
export interface Look {
  kind: 'file' | 'folder' | 'link' | 'other';
  /** Bytes. */
  size: number;
  /** Milliseconds since 1970. */
  mtime_ms: number;
  inode: number;
  /** More than one: the file has another name somewhere. */
  names: number;
}

/** Permissions of what is made, before the umask. */
const MODE = 0o666;

export const FILE_WORK = {
  /** Also of the root itself, as `.`. */
  look: (place: Place): Foreign<Look> => mapped(statForeign(place), lookOf),

  /** A whole file of at most `max` bytes. */
  read: (place: Place, max: number): Foreign<Uint8Array> =>
    mapped(readForeign(place, max), ({ bytes }) => bytes),

  /** At most `max` bytes from an offset on. */
  readFrom: (place: Place, from: number, max: number): Foreign<Uint8Array> =>
    mapped(readForeignFrom(place, from, max), ({ bytes }) => bytes),

  list: (place: Place, max: number): Foreign<string[]> => listForeign(place, max),

  /** A new file in place of what has the name; folders on the way are made. */
  replace: (place: Place, text: string): Foreign<Look> =>
    mapped(replaceForeign(place, text, { mode: MODE, keep_mode: true, folders: 'make' }), lookOf),

  /** To the end of a file, which is made where there is none, with the folders on the way. */
  append: (place: Place, text: string): Foreign<Look> =>
    mapped(appendForeign(place, text, { mode: MODE, folders: 'make' }), lookOf),

  remove: (place: Place): Foreign<null> => removeForeign(place),

  /** Both in the same root. */
  rename: (place: Place, path: string): Foreign<null> => renameForeign(place, path),

  link: (place: Place, target: string): Foreign<null> => linkForeign(place, target, { folders: 'make' }),

  /** On the file system of the root, or of the folder above it where that is not there. */
  room: ({ root }: Place): Foreign<Room> => roomAt(root),

  /** What a link says; null: there is something else. */
  target: (place: Place): Foreign<string | null> => targetForeign(place),
};

export type FileWork = typeof FILE_WORK;
export type WorkName = keyof FileWork;

function lookOf(stat: Stats): Look {
  const kind = stat.isFile()
    ? 'file'
    : stat.isDirectory()
      ? 'folder'
      : stat.isSymbolicLink()
        ? 'link'
        : 'other';
  return { kind, size: stat.size, mtime_ms: stat.mtimeMs, inode: stat.ino, names: stat.nlink };
}

function mapped<A, B>(outcome: Foreign<A>, how: (value: A) => B): Foreign<B> {
  return outcome.ok ? { ok: true, value: how(outcome.value) } : outcome;
}
