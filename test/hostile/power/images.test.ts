/**
 * Power loss, image by image. A story (a command, a pipeline, a git task with two sessions and its merge) runs on a disk
 * that logs every write in the order in which it reaches the device; the log is then cut at many points, and each image is
 * what a machine finds that is switched on again. Nobody does anything there, and every promise must have been kept:
 * what was acknowledged is there and completed, what was told as completed is not made again, nothing starts twice, the
 * tree is right, git finds nothing wrong.
 */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { LONG } from '../../support/long.ts';
import type { Recording } from './story.ts';

/** Images of each file system. */
const IMAGES = Number(process.env.RASEN_TEST_IMAGES ?? (LONG ? 500 : 8));
const ROUNDS = LONG ? 3 : 1;
const AT_ONCE = 2;
const HERE = import.meta.dirname;
/** In memory: thousands of images are written. */
const MEMORY = '/dev/shm';

const DISKS = { ext4: { mib: 96, make: ['-q', '-F'] }, xfs: { mib: 320, make: ['-q', '-f'] } } as const;

const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const missing = [
  ...['cc', 'pkg-config', 'mkfs.ext4', 'mkfs.xfs', 'unshare', 'fusermount3'].filter(program => !has(program)),
  ...(spawnSync('pkg-config', ['--exists', 'fuse3']).status === 0 ? [] : ['libfuse3-dev']),
  ...(process.getuid?.() === 0 ? [] : ['root']),
  ...(existsSync('/dev/fuse') && existsSync('/dev/loop-control') ? [] : ['/dev/fuse and loop devices']),
];

describe.skipIf(missing.length > 0)(
  `power loss${missing.length > 0 ? ` (needs ${missing.join(', ')})` : ''}`,
  () => {
    it.each(Object.keys(DISKS) as (keyof typeof DISKS)[])(
      'keeps every promise at every write of %s',
      async fs => {
        const folder = mkdtempSync(join(MEMORY, 'rp.'));
        try {
          const wrong = await tryAll(folder, fs);
          expect(wrong).toEqual([]);
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      },
      LONG ? 4 * 3_600_000 : 170_000,
    );
  },
);

async function tryAll(folder: string, fs: keyof typeof DISKS): Promise<string[]> {
  const { mib, make } = DISKS[fs];
  const live = join(folder, 'live');
  const image = join(folder, 'disk.img');
  const empty = join(folder, 'empty.img');
  mkdirSync(live);
  const fd = openSync(image, 'w');
  ftruncateSync(fd, mib * 1024 * 1024);
  closeSync(fd);
  execFileSync(`mkfs.${fs}`, [...make, image], { stdio: 'ignore' });
  clone(image, empty);
  record(folder, { live, image });
  rmSync(image);

  const recording = JSON.parse(readFileSync(join(folder, 'recording.json'), 'utf8')) as Recording;
  const log = new DiskLog(join(folder, 'log'), empty);
  const cuts = log.ends.filter(end => end >= recording.from && end <= recording.to);
  const chosen = spread(cuts, IMAGES);
  const wrong: string[] = [];
  const running = new Set<Promise<void>>();
  for (const [n, cut] of chosen.entries()) {
    while (running.size >= AT_ONCE) await Promise.race(running);
    log.play(cut);
    const mine = join(folder, `${n}.img`);
    clone(empty, mine);
    const one = check(folder, { live, image: mine, cut })
      .then(
        found => wrong.push(...found.map(text => `cut at ${cut}: ${text}`)),
        error => wrong.push(`cut at ${cut}: ${String(error)}`),
      )
      .then(() => rmSync(mine))
      .finally(() => running.delete(one));
    running.add(one);
  }
  await Promise.all(running);
  log.close();
  const { facts } = recording;
  console.log(
    `power loss on ${fs}: ${chosen.length} images of ${cuts.length} writes and flushes; ${facts.length} facts; ${wrong.length} wrong`,
  );
  return wrong;
}

/** Tells the story on the disk that remembers. */
function record(folder: string, { live, image }: { live: string; image: string }): void {
  const recorder = join(folder, 'recorder');
  const flags = execFileSync('pkg-config', ['--cflags', '--libs', 'fuse3'], { encoding: 'utf8' });
  execFileSync('cc', ['-O2', join(HERE, 'recorder.c'), '-o', recorder, ...flags.trim().split(/\s+/)]);
  const fuse = join(folder, 'fuse');
  mkdirSync(fuse);
  const script = [
    'set -e',
    `"${recorder}" "${fuse}" "${image}" "${join(folder, 'log')}" &`,
    `while [ ! -e "${fuse}/disk" ]; do sleep 0.05; done`,
    `sh "${join(HERE, 'namespaces.sh')}" "${live}" "${fuse}/disk" -- "${process.execPath}" "${join(HERE, 'record.ts')}" "${live}" "${folder}" ${ROUNDS}`,
  ].join('\n');
  const ran = spawnSync('unshare', [...NAMESPACES, 'sh', '-c', script], {
    encoding: 'utf8',
    timeout: 400_000,
  });
  if (!existsSync(join(folder, 'recording.json')))
    throw new Error(`no recording: ${ran.stdout}${ran.stderr}`);
}

const NAMESPACES = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

async function check(
  folder: string,
  { live, image, cut }: { live: string; image: string; cut: number },
): Promise<string[]> {
  const { stdout } = await promisify(execFile)(
    'unshare',
    [
      ...NAMESPACES,
      ...['sh', join(HERE, 'namespaces.sh'), live, image, '--'],
      ...[process.execPath, join(HERE, 'check.ts'), live, join(folder, 'recording.json'), String(cut)],
    ],
    { timeout: 400_000 },
  );
  return JSON.parse(stdout) as string[];
}

/** The recorded writes, played onto an image from one cut to the next. */
class DiskLog {
  /** Length of the log after each write and flush. */
  readonly ends: number[] = [];
  readonly #log: number;
  readonly #image: number;
  #at = 0;

  constructor(log: string, image: string) {
    this.#log = openSync(log, 'r');
    this.#image = openSync(image, 'r+');
    const { size } = fstatSync(this.#log);
    for (let at = 0; at < size; this.ends.push(at)) at += HEAD + this.#head(at).length;
  }

  play(to: number): void {
    while (this.#at < to) {
      const { offset, length } = this.#head(this.#at);
      const data = Buffer.alloc(length);
      readSync(this.#log, data, 0, length, this.#at + HEAD);
      writeSync(this.#image, data, 0, length, offset);
      this.#at += HEAD + length;
    }
  }

  close(): void {
    closeSync(this.#log);
    closeSync(this.#image);
  }

  #head(at: number): { offset: number; length: number } {
    const head = Buffer.alloc(HEAD);
    readSync(this.#log, head, 0, HEAD, at);
    return { offset: Number(head.readBigUInt64LE(0)), length: Number(head.readBigUInt64LE(8)) };
  }
}

const HEAD = 16;

/** So many of them, the first and the last included. */
function spread(all: readonly number[], wanted: number): number[] {
  if (all.length <= wanted) return [...all];
  return Array.from({ length: wanted }, (_, n) => all[Math.round((n * (all.length - 1)) / (wanted - 1))]!);
}

function clone(from: string, to: string): void {
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
}
