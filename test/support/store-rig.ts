/**
 * A store in a temporary folder, for tests that damage what is in it: `images` counts what became of every image of a
 * file. `close` removes the folder. General: knows tasks only by their folder.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStore } from '../../src/store/file/file-store.ts';

/** Memory, where the system has a folder in it: thousands of starts sync nothing there. */
const QUICK = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export class StoreRig {
  readonly folder = mkdtempSync(join(QUICK, 'rasen-store-'));
  readonly paths = {
    home: join(this.folder, 'home'),
    tasks: join(this.folder, 'home/tasks'),
    quarantine: join(this.folder, 'home/quarantine'),
  };

  /** A new start: nothing is remembered but what is on disk. */
  open(): FileStore {
    return new FileStore(this.paths);
  }

  /** As a power cut does at worst: how far the journals went is not known any more. */
  forget(): void {
    rmSync(join(this.paths.home, 'heads'), { force: true });
  }

  path(id: string, file: string): string {
    return join(this.paths.tasks, id, file);
  }

  read(id: string, file: string): Buffer {
    return readFileSync(this.path(id, file));
  }

  /** Keeps a task's folder as it is now; the result puts it back, with other bytes in one file. */
  template(id: string): (file: string, bytes: Buffer) => void {
    const live = join(this.paths.tasks, id);
    const files = readdirSync(live).map(name => ({ name, bytes: readFileSync(join(live, name)) }));
    return (file, bytes) => {
      rmSync(live, { recursive: true, force: true });
      rmSync(this.paths.quarantine, { recursive: true, force: true });
      mkdirSync(live, { mode: 0o700 });
      for (const one of files) writeFileSync(join(live, one.name), one.name === file ? bytes : one.bytes);
    };
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Bytes with one changed. */
export function flipped(bytes: Buffer, at: number, mask = 0xff): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = copy[at]! ^ mask;
  return copy;
}

/** Counts of outcomes, printed at the end so that a run shows what it looked at. */
export class Tally {
  readonly counts: Record<string, number> = {};

  add(outcome: string): void {
    this.counts[outcome] = (this.counts[outcome] ?? 0) + 1;
  }

  get images(): number {
    return Object.values(this.counts).reduce((sum, n) => sum + n, 0);
  }

  print(what: string): void {
    const parts = Object.entries(this.counts).map(([outcome, n]) => `${n} ${outcome}`);
    console.log(`${what}: ${this.images} images, ${parts.join(', ')}, ${this.counts.silent ?? 0} silent`);
  }
}
