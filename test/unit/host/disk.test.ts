import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DiskPlace, DiskWatch, shortOf } from '../../../src/host/disk.ts';
import { nearFiles } from '../../../src/host/far-files.ts';
import { until } from '../../support/instance.ts';

const MIB = 1024 * 1024;
const LIMITS = { disk_min_bytes: 256 * MIB, disk_min_inodes: 1000 };
const state: DiskPlace = { path: '/s', what: 'the state folder', whole: true };
const project: DiskPlace = { path: '/p', what: 'the project', whole: false };
/** In MiB and files. */
const disk = (free: number, all: number, ffree = 1_000_000, files = 2_000_000) => ({
  ...{ bavail: free, blocks: all, bsize: MIB, ffree, files },
});

describe('too little room', () => {
  it('is what is under the mark, and named with its place', () => {
    expect(shortOf(disk(300, 10_000), state, LIMITS)).toBeNull();
    expect(shortOf(disk(200, 10_000), state, LIMITS)).toBe(
      'too little disk space for the state folder: 200 MiB free at /s',
    );
    expect(shortOf(disk(0, 10_000), project, LIMITS)).toContain('the project: 0 KiB free at /p');
  });

  it('is at most a tenth of a disk that is small, but of the state the whole mark', () => {
    expect(shortOf(disk(3, 4), project, LIMITS)).toBeNull();
    expect(shortOf(disk(3, 64), project, LIMITS)).not.toBeNull();
    expect(shortOf(disk(3, 4), state, LIMITS)).not.toBeNull();
  });

  it('is a disk without inodes', () => {
    expect(shortOf(disk(5000, 9000, 0), state, LIMITS)).toBe(
      'too few inodes for the state folder: 0 free at /s',
    );
    expect(shortOf(disk(5000, 9000, 999), state, LIMITS)).not.toBeNull();
    expect(shortOf(disk(5000, 9000, 30, 60), state, LIMITS)).toBeNull();
    // btrfs counts none.
    expect(shortOf(disk(5000, 9000, 0, 0), state, LIMITS)).toBeNull();
  });
});

it('is asked of the disks of others by somebody else, and not again while one does not answer', () => {
  let asked = 0;
  const room = () => {
    asked++;
    return new Promise<never>(() => {});
  };
  const watch = new DiskWatch(LIMITS, { room });
  const places = [{ ...state, path: tmpdir() }, project];
  for (let look = 0; look < 3; look++)
    expect(watch.low(places.map(place => ({ ...place, whole: false })))).toBeNull();
  expect(asked).toBe(places.length);
  watch.low([{ ...state, path: import.meta.dirname }]);
  expect(asked).toBe(places.length);
});

describe('a disk that refused something', () => {
  let folder: string;
  let now = 0;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rd-'));
    now = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const watchOf = async () => {
    const watch = new DiskWatch({ disk_min_bytes: 0, disk_min_inodes: 0 }, nearFiles, () => now);
    const place = { path: folder, what: 'the project', whole: false };
    await watch.refuse({ path: join(folder, 'not/there'), message: 'the quota is used up' });
    await until('it was looked at', () => watch.low([place]));
    return { watch, place };
  };

  it('is full whatever its figures say, for a while', async () => {
    const { watch, place } = await watchOf();
    expect(watch.low([place])).toBe('the quota is used up');
    now += 60_000;
    expect(watch.low([place])).toBeNull();
  });

  it('is not once something succeeded there', async () => {
    const { watch, place } = await watchOf();
    watch.accept([place]);
    expect(watch.low([place])).toBeNull();
  });
});
