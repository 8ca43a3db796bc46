/** How much room a file system has. Waits for its disk: on somebody else's it is asked by the helper process (far-files.ts). */
import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, messageOf } from '../contract/errors.ts';
import type { Foreign } from './foreign-file.ts';

export interface Room {
  /** Of the file system. */
  dev: number;
  bavail: number;
  bsize: number;
  blocks: number;
  ffree: number;
  files: number;
}

/** Room for a file or folder; where it is not there, in the folder above it. */
export function roomAt(path: string): Foreign<Room> {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { bavail, bsize, blocks, ffree, files } = statfsSync(at);
      return { ok: true, value: { dev: statSync(at).dev, bavail, bsize, blocks, ffree, files } };
    } catch (error) {
      if (at === dirname(at) || !['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? ''))
        return {
          ok: false,
          fault: 'unreadable',
          problem: messageOf(error),
          errno: errnoOf(error) ?? null,
        };
    }
  }
}
