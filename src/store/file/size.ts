/** How much of the disk something takes. */
import { execFile } from 'node:child_process';
import { lstatSync } from 'node:fs';

const SIZE_MS_MAX = 60_000;

export const bytesOfFile = (path: string): number =>
  (lstatSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512;

/** By a program, since nobody knows how many files an agent has left. 0: it cannot say. */
export function bytesBelow(folder: string): Promise<number> {
  return new Promise(resolve => {
    const options = { timeout: SIZE_MS_MAX, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 } as const;
    // What it cannot look at is told of, and is not in the sum.
    execFile('du', ['-sk', '--', folder], options, (_, sum) =>
      resolve((Number.parseInt(sum, 10) || 0) * 1024),
    );
  });
}
