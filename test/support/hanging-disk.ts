/** A file system that does not answer, mounted somewhere for a test. Linux, root, /dev/fuse and python3. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const CAN_HANG =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  existsSync('/dev/fuse') &&
  spawnSync('python3', ['--version']).status === 0;

export interface HangingDisk {
  /** Who waits there gets an error, and what was under it is to be seen again. */
  end(): Promise<void>;
}

export async function hangingDisk(folder: string): Promise<HangingDisk> {
  const child: ChildProcess = spawn('python3', [join(import.meta.dirname, 'hanging-disk.py'), folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>(resolve => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.stdout!.once('data', () => resolve());
    child.once('exit', code => reject(new Error(`no file system could be mounted: ${code}`)));
  });
  return {
    async end() {
      child.stdin!.end();
      await gone;
    },
  };
}
