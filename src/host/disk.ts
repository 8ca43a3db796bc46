/**
 * Whether there is room on the disks that a task uses: bytes, inodes, and what no figure tells (a quota, a device that
 * fails), which is known by what was refused there. Looks from time to time and in the background: a disk that does not
 * answer holds nobody up.
 */
import { type StatsFs, statfsSync } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Trouble } from './trouble.ts';

/** How long one look is good for. */
const LOOK_MS = 1000;
/** A disk that refused something counts as full for this time, unless something succeeds there before. */
const REFUSED_MS = 15_000;
/** Places that are remembered. */
const PLACES_MAX = 10_000;
/** Of a small file system, or one that is not ours to fill, only this part is kept free. */
const PART_BYTES = 0.1;
const PART_INODES = 0.02;

export interface DiskPlace {
  path: string;
  /** For people: `the state folder`. */
  what: string;
  /** The whole of `disk_min` is kept free there, however small it is; of others at most a tenth. */
  whole: boolean;
}

export interface DiskLimits {
  readonly disk_min_bytes: number;
  readonly disk_min_inodes: number;
}

interface Look {
  at: number;
  /** Of the file system; null: not known. */
  dev: number | null;
  free: Pick<StatsFs, 'bavail' | 'bsize' | 'blocks' | 'ffree' | 'files'> | null;
  under_way: boolean;
}

export class DiskWatch {
  readonly #limits: DiskLimits;
  readonly #now: () => number;
  readonly #looks = new Map<string, Look>();
  /** By file system: what was refused there, and until when that counts. */
  readonly #refused = new Map<number, { until: number; message: string }>();

  /** `limits` may change meanwhile. */
  constructor(limits: DiskLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** A sentence for people where one of the places has too little room; null: as far as is known, all have enough. */
  low(places: readonly DiskPlace[]): string | null {
    for (const place of places) {
      const look = this.#lookAt(place);
      const refused = look.dev === null ? undefined : this.#refused.get(look.dev);
      if (refused && refused.until > this.#now()) return refused.message;
      const short = look.free && shortOf(look.free, place, this.#limits);
      if (short) return short;
    }
    return null;
  }

  /** A disk refused something: until something succeeds there, it is full whatever its figures say. */
  async refuse({ path, message }: Pick<Trouble, 'path' | 'message'>): Promise<void> {
    const dev = path === null ? null : await deviceOf(path);
    if (dev !== null) this.#refused.set(dev, { until: this.#now() + REFUSED_MS, message });
  }

  /** Something was done that needs these places. */
  accept(places: readonly DiskPlace[]): void {
    if (this.#refused.size === 0) return;
    for (const { path } of places) {
      const dev = this.#looks.get(path)?.dev;
      if (dev != null) this.#refused.delete(dev);
    }
  }

  #lookAt(place: DiskPlace): Look {
    const { path, whole } = place;
    const known = this.#looks.get(path);
    if (known && (known.under_way || this.#now() - known.at < LOOK_MS)) return known;
    if (!known && this.#looks.size >= PLACES_MAX) this.#looks.clear();
    const look = known ?? { at: Number.NEGATIVE_INFINITY, dev: null, free: null, under_way: false };
    this.#looks.set(path, look);
    // Our own disk answers, or nothing works any more.
    if (whole) look.free = freeNow(path);
    look.under_way = true;
    void measure(path).then(({ dev, free }) =>
      Object.assign(look, { dev, free: free ?? look.free, at: this.#now(), under_way: false }),
    );
    return look;
  }
}

function freeNow(path: string): Look['free'] {
  try {
    return statfsSync(path);
  } catch {
    return null;
  }
}

/** What cannot be asked is not known; whoever uses it is told why. */
async function measure(path: string): Promise<Pick<Look, 'dev' | 'free'>> {
  const [dev, free] = await Promise.all([deviceOf(path), statfs(path).catch(() => null)]);
  return { dev, free };
}

/** The file system of a file, or of the folder above it that is there. */
async function deviceOf(path: string): Promise<number | null> {
  for (let at = path; ; at = dirname(at)) {
    const found = await stat(at).catch(() => null);
    if (found) return found.dev;
    if (at === dirname(at)) return null;
  }
}

/** What a place has too little of, as a sentence; null: nothing. */
export function shortOf(
  { bavail, bsize, blocks, ffree, files }: NonNullable<Look['free']>,
  { path, what, whole }: DiskPlace,
  { disk_min_bytes, disk_min_inodes }: DiskLimits,
): string | null {
  const free = bavail * bsize;
  const min = whole ? disk_min_bytes : Math.min(disk_min_bytes, blocks * bsize * PART_BYTES);
  if (free < min) return `too little disk space for ${what}: ${size(free)} free at ${path}`;
  // Some file systems have no fixed number of inodes, and say 0 of 0.
  if (files > 0 && ffree < Math.min(disk_min_inodes, files * PART_INODES))
    return `too few inodes for ${what}: ${ffree} free at ${path}`;
  return null;
}

function size(bytes: number): string {
  const mib = bytes / 1024 / 1024;
  return mib >= 10 ? `${Math.floor(mib)} MiB` : `${Math.floor(bytes / 1024)} KiB`;
}
