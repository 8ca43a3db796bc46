/** Builds fault-shim.c, and tells it which call fails. */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export const KINDS = ['write', 'sync', 'rename', 'create', 'mkdir', 'unlink', 'open'] as const;
export type Kind = (typeof KINDS)[number];
export const PROGRAMS = ['other', 'rasend', 'runner', 'git'] as const;

export type Program = (typeof PROGRAMS)[number];

export const ERRNOS = { ENOSPC: 28, EDQUOT: 122, EIO: 5, EROFS: 30, EMFILE: 24 } as const;
export type Errno = keyof typeof ERRNOS;

const NUMBERS = 7 + 8 + 4;
const WHAT_BYTES = 512;

/** Whether there is a compiler on this machine. */
export const hasCompiler = (): boolean =>
  process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0;

/** Which call of all programs fails, in a file that they map. */
export class FaultShim {
  readonly env: Record<string, string>;
  /** Folder of the git that is to be found first. */
  readonly path: string;
  readonly #fd: number;

  /** `folder`: for the library and the file. `root`: calls on files below it count. */
  constructor(folder: string, root: string) {
    const library = join(folder, 'fault-shim.so');
    const source = join(import.meta.dirname, 'fault-shim.c');
    const built = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], {
      encoding: 'utf8',
    });
    if (built.status !== 0) throw new Error(`fault-shim.c: ${built.stderr}`);
    const file = join(folder, 'faults');
    this.#fd = openSync(file, 'w+');
    ftruncateSync(this.#fd, NUMBERS * 8 + WHAT_BYTES);
    // libuv must ask the C library, and not the kernel by a ring of its own.
    this.env = { LD_PRELOAD: library, FAULT_FILE: file, FAULT_ROOT: root, UV_USE_IO_URING: '0' };
    // rasend keeps its environment from git, which therefore is given it by the first git on the PATH.
    const git = spawnSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).stdout.trim();
    const words = Object.entries(this.env).map(([name, value]) => `${name}='${value}'`);
    this.path = join(folder, 'bin');
    mkdirSync(this.path);
    writeFileSync(join(this.path, 'git'), `#!/bin/sh\nexec env ${words.join(' ')} ${git} "$@"\n`, {
      mode: 0o755,
    });
  }

  /** From now on calls of these kinds and programs count; the `target`-th fails once with this error; 0: none does. */
  arm(target: number, errno: Errno, kinds: readonly Kind[], programs: readonly Program[] = PROGRAMS): void {
    this.#put(0, 0);
    const masks = [bitsOf(kinds, KINDS), bitsOf(programs, PROGRAMS)];
    const none = Array.from({ length: NUMBERS - 6 }, () => 0);
    [0, target, ERRNOS[errno], ...masks, ...none].forEach((value, i) => {
      this.#put(i + 1, value);
    });
    writeSync(this.#fd, Buffer.alloc(WHAT_BYTES), 0, WHAT_BYTES, NUMBERS * 8);
    this.#put(0, 1);
  }

  disarm(): void {
    this.#put(0, 0);
  }

  seen(): {
    count: number;
    fired: number;
    what: string;
    by_kind: Record<string, number>;
    by_program: Record<string, number>;
  } {
    const all = Buffer.alloc(NUMBERS * 8 + WHAT_BYTES);
    readSync(this.#fd, all, 0, all.length, 0);
    const number = (i: number) => Number(all.readBigUInt64LE(i * 8));
    const named = (names: readonly string[], from: number) =>
      Object.fromEntries(names.map((name, i) => [name, number(from + i)]));
    return {
      count: number(1),
      fired: number(6),
      by_kind: named(KINDS, 7),
      by_program: named(PROGRAMS, 15),
      what: all.toString('utf8', NUMBERS * 8).replace(/\0.*$/s, ''),
    };
  }

  close(): void {
    closeSync(this.#fd);
  }

  #put(index: number, value: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    writeSync(this.#fd, bytes, 0, 8, index * 8);
  }
}

const bitsOf = <T>(some: readonly T[], all: readonly T[]): number =>
  some.reduce((bits, one) => bits | (1 << all.indexOf(one)), 0);
