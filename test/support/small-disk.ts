/** A small file system in memory, to be filled. Needs root. */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Whether file systems can be mounted here. */
export function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const probe = `d=$(mktemp -d) && mount -t tmpfs -o size=64k tmpfs "$d" && umount "$d"; s=$?; rmdir "$d"; exit $s`;
  return spawnSync('sh', ['-c', probe]).status === 0;
}

export class SmallDisk {
  readonly path: string;
  #names = 0;

  constructor(path: string, options: { size: string; inodes?: number; mode?: string }) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    const inodes = options.inodes === undefined ? '' : `,nr_inodes=${options.inodes}`;
    const how = `size=${options.size},mode=${options.mode ?? '755'}${inodes}`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', how, 'tmpfs', path]);
  }

  /** Not one byte is left. */
  fill(): void {
    const fd = openSync(join(this.path, 'fill'), 'w');
    const block = Buffer.alloc(1024 * 1024);
    try {
      for (let size = block.length; size > 0; ) {
        try {
          writeSync(fd, block, 0, size);
        } catch {
          size = Math.floor(size / 4);
        }
      }
    } finally {
      closeSync(fd);
    }
  }

  /** Not one file more can be made; `but`: so many. */
  fillInodes(but = 0): void {
    const folder = join(this.path, 'fill-inodes');
    mkdirSync(folder);
    for (;;) {
      try {
        writeFileSync(join(folder, String(this.#names)), '');
        this.#names++;
      } catch {
        break;
      }
    }
    for (let i = 0; i < but; i++) rmSync(join(folder, String(--this.#names)));
  }

  free(): void {
    rmSync(join(this.path, 'fill'), { force: true });
    rmSync(join(this.path, 'fill-inodes'), { recursive: true, force: true });
    this.#names = 0;
  }

  freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  close(): void {
    spawnSync('umount', ['-l', this.path]);
  }
}
