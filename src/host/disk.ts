/**
 * Whether there is room on the disks that a task uses: bytes, inodes, and what no figure tells (a quota, a device that
 * fails), which is known by what was refused there. Looks from time to time: at our own disk at once, at others in the
 * background and by the helper process. A disk that does not answer holds nobody up.
 */
import { type Room, roomAt } from './disk-room.ts';
import type { Files } from './far-files.ts';
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
  /** null: not known. */
  room: Room | null;
  under_way: boolean;
}

export class DiskWatch {
  readonly #limits: DiskLimits;
  readonly #far: Pick<Files, 'room'>;
  readonly #now: () => number;
  readonly #looks = new Map<string, Look>();
  /** By file system: what was refused there, and until when that counts. */
  readonly #refused = new Map<number, { until: number; message: string }>();

  /** `limits` may change meanwhile. */
  constructor(limits: DiskLimits, far: Pick<Files, 'room'>, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#far = far;
    this.#now = now;
  }

  /** A sentence for people where one of the places has too little room; null: as far as is known, all have enough. */
  low(places: readonly DiskPlace[]): string | null {
    for (const place of places) {
      const { room } = this.#lookAt(place);
      const refused = room && this.#refused.get(room.dev);
      if (refused && refused.until > this.#now()) return refused.message;
      const short = room && shortOf(room, place, this.#limits);
      if (short) return short;
    }
    return null;
  }

  /** A disk refused something: until something succeeds there, it is full whatever its figures say. */
  async refuse({ path, message }: Pick<Trouble, 'path' | 'message'>): Promise<void> {
    const dev = path === null ? null : (await this.#roomAt(path))?.dev;
    if (dev != null) this.#refused.set(dev, { until: this.#now() + REFUSED_MS, message });
  }

  /** Something was done that needs these places. */
  accept(places: readonly DiskPlace[]): void {
    if (this.#refused.size === 0) return;
    for (const { path } of places) {
      const dev = this.#looks.get(path)?.room?.dev;
      if (dev != null) this.#refused.delete(dev);
    }
  }

  #lookAt(place: DiskPlace): Look {
    const { path, whole } = place;
    const known = this.#looks.get(path);
    if (known && (known.under_way || this.#now() - known.at < LOOK_MS)) return known;
    if (!known && this.#looks.size >= PLACES_MAX) this.#looks.clear();
    const look = known ?? { at: Number.NEGATIVE_INFINITY, room: null, under_way: false };
    this.#looks.set(path, look);
    // Our own disk answers, or nothing works any more.
    if (whole) {
      const found = roomAt(path);
      return Object.assign(look, { room: found.ok ? found.value : null, at: this.#now() });
    }
    look.under_way = true;
    void this.#roomAt(path).then(room =>
      Object.assign(look, { room: room ?? look.room, at: this.#now(), under_way: false }),
    );
    return look;
  }

  /** What cannot be asked is not known; whoever uses it is told why. */
  async #roomAt(path: string): Promise<Room | null> {
    const found = await this.#far.room({ root: path, path: '.' });
    return found.ok ? found.value : null;
  }
}

/** What a place has too little of, as a sentence; null: nothing. */
export function shortOf(
  { bavail, bsize, blocks, ffree, files }: Omit<Room, 'dev'>,
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
